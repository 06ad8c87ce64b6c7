package eventstore

import (
	"context"
	"fmt"
	"time"
)

// Limits of one decision, which are those of one atomic batch.
const (
	maxGroupMessages = 1000
	maxGroupBytes    = 4 << 20
)

// job is a decision on its way to the log.
type job struct {
	command string // never empty
	when    string // the decision's time as it is written
	writes  []target
	records []Record // of all writes, in order; Seq is set when they are stored
	size    int      // bytes, headers included
	done    func(Receipt, error)

	maybe    bool      // a copy was sent whose outcome is not known
	looked   bool      // the leader confirmed its expectations
	asked    bool      // its subjects were looked up before it was sent
	failed   int       // how often it was sent in vain
	troubled time.Time // when it was first judged
	cause    error     // the last failure, for the error message
}

// target is one write of a job: records[from:to] go to subject.
type target struct {
	entity   Entity
	subject  string
	expect   uint64
	from, to int
}

// plain reports whether the job can go as a single publish.
func (j *job) plain() bool { return len(j.records) == 1 }

// Append stores a decision and returns when it is safe, or refused: whole, in
// the order given, and only if each entity's last event is still the one that
// the decision was made on.
//
//   - A decision without events is answered with an empty Receipt.
//   - *ConflictError: an entity has moved on, and this command did not do it.
//   - Receipt.Repeat: this command had been stored before, after the expected
//     sequence; the records are those of that time.
//   - ErrUnavailable: nothing was stored. ErrUnknownOutcome: it may have been.
//   - ErrFull: no room. ErrInvalid: the decision is malformed. ErrTooLarge: more
//     than 1,000 events, 4 MiB, 16 KiB of envelope values in an event, or an
//     event over the server's message limit.
//
// When ctx ends, Append returns its error, and the decision may still be
// stored: retry with the same command id.
func (s *Store) Append(ctx context.Context, d Decision) (Receipt, error) {
	type answer struct {
		receipt Receipt
		err     error
	}
	ch := make(chan answer, 1)
	s.AppendAsync(d, func(r Receipt, err error) { ch <- answer{r, err} })
	select {
	case a := <-ch:
		return a.receipt, a.err
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

// AppendAsync is Append without waiting: done is called exactly once, on
// another goroutine or before AppendAsync returns, and must not block.
// When too much is waiting already, the answer is ErrUnavailable.
func (s *Store) AppendAsync(d Decision, done func(Receipt, error)) {
	j, err := s.prepare(d, done)
	if err != nil {
		done(Receipt{}, fmt.Errorf("append: %w", err))
		return
	}
	if len(j.records) == 0 {
		done(Receipt{}, nil)
		return
	}
	if err := s.committer.submit(j); err != nil {
		done(Receipt{}, err)
	}
}

// prepare validates a decision and fills in what its records share.
func (s *Store) prepare(d Decision, done func(Receipt, error)) (*job, error) {
	c := s.complete(d.Command)
	j := &job{command: c.ID, when: c.Time.Format(time.RFC3339Nano), done: done}
	total := 0
	for _, w := range d.Writes {
		total += len(w.Events)
	}
	if total > maxGroupMessages {
		return nil, fmt.Errorf("%d events: %w", total, ErrTooLarge)
	}
	if err := c.valid(); err != nil {
		return nil, err
	}
	j.records = make([]Record, 0, total)
	j.writes = make([]target, 0, len(d.Writes))
	for _, w := range d.Writes {
		if err := s.addWrite(j, w, c, total); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Entity, err)
		}
	}
	if j.size > maxGroupBytes {
		return nil, fmt.Errorf("%d bytes: %w", j.size, ErrTooLarge)
	}
	return j, nil
}

// complete fills in the command's missing facts. A command without an id gets
// one, so that the outcome of its append can always be found out.
func (s *Store) complete(c Command) Command {
	if c.ID == "" {
		c.ID = s.cfg.NewID()
	}
	if c.Source == "" {
		c.Source = defaultSource
	}
	if c.Time.IsZero() {
		c.Time = s.cfg.Now()
	}
	c.Time = c.Time.UTC().Round(0)
	return c
}

func (c Command) valid() error {
	size := 0
	for _, v := range [...]string{c.ID, c.Actor, c.For, c.Correlation, c.Causation, c.TraceParent, c.Source} {
		if size += len(v); !validValue(v) {
			return fmt.Errorf("envelope value %q: %w", v, ErrInvalid)
		}
	}
	if size > maxEnvelope {
		return fmt.Errorf("envelope of %d bytes: %w", size, ErrTooLarge)
	}
	return nil
}

func (s *Store) addWrite(j *job, w Write, c Command, total int) error {
	subject, err := w.Entity.Subject()
	if err != nil {
		return err
	}
	if len(w.Events) == 0 {
		return nil
	}
	for _, t := range j.writes {
		if t.subject == subject {
			return fmt.Errorf("written twice in one decision: %w", ErrInvalid)
		}
	}
	t := target{entity: w.Entity, subject: subject, expect: w.Expect, from: len(j.records)}
	for _, e := range w.Events {
		r := c.record(w.Entity, e)
		if r.ID == "" {
			r.ID = s.cfg.NewID()
		}
		r.Index, r.Count = len(j.records)+1, total
		if err := s.checkRecord(r); err != nil {
			return err
		}
		j.records = append(j.records, r)
		j.size += messageSize(subject, &r)
	}
	t.to = len(j.records)
	j.writes = append(j.writes, t)
	return nil
}

func (c Command) record(e Entity, n NewEvent) Record {
	return Record{
		Entity: e, ID: n.ID, Type: n.Type, Schema: n.Schema, Time: c.Time, Source: c.Source,
		Actor: c.Actor, For: c.For, Command: c.ID, Correlation: c.Correlation, Causation: c.Causation,
		TraceParent: c.TraceParent, Data: n.Data,
	}
}

func (s *Store) checkRecord(r Record) error {
	if r.Type == "" || len(r.Type) > maxToken || !validValue(r.Type) || len(r.ID) > maxToken || !validValue(r.ID) {
		return fmt.Errorf("event type %q, id %q: %w", r.Type, r.ID, ErrInvalid)
	}
	if size := len(r.Data) + maxEnvelope; int64(size) > s.nc.MaxPayload() {
		return fmt.Errorf("event of %d bytes: %w", len(r.Data), ErrTooLarge)
	}
	return nil
}

// messageSize estimates a message's bytes from above: names of headers,
// expectation and batch marks are about 500 bytes.
func messageSize(subject string, r *Record) int {
	return 500 + 2*len(subject) + len(r.ID) + len(r.Type) + len(r.Source) + len(r.Actor) + len(r.For) + len(r.Command) +
		len(r.Correlation) + len(r.Causation) + len(r.TraceParent) + len(r.Data)
}
