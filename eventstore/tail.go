package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Limits of a tail.
const (
	defaultMaxBatch = 512
	tailMessages    = 2048    // records read ahead of the handler; as many again are on their way
	tailBytes       = 8 << 20 // bytes read ahead of the handler
	tailHeartbeat   = 5 * time.Second
	tailWaitMax     = 2 * time.Second
)

// TailOptions says how a tail hands records on.
type TailOptions struct {
	MaxBatch int    // records a call at most, but for one larger decision; default 512
	Name     string // for logs
	// Kind, when set, limits the tail to the events of entities of one kind.
	// Those of one decision may then come in several batches: its other events
	// are not seen.
	Kind string
	// Stored asks for each record's Stored.
	Stored bool
}

// Why a consumer is replaced.
var (
	errStuck       = errors.New("consumer brings nothing while the log grows")
	errTorn        = errors.New("a decision was torn")
	errGap         = errors.New("consumer left out a message")
	errReconnected = errors.New("connection was lost")
	errBeyond      = errors.New("it is beyond the log's end") // ends the tail
)

// Tail hands every event after a sequence to handle, in order, each once, as
// soon as it is there; it ends only when ctx ends (with its error) or handle
// fails (with that error), or with a *PositionError when the log stays shorter
// than after. Batches hold whole decisions. A slow handler holds back the
// reading. Records may be kept.
//
// A consumer that is lost, stuck or torn is replaced, which is counted and
// logged. A message that is no event comes as a Record without Type (see
// DecodeRecord), logged: the handler decides what to do about it.
func (s *Store) Tail(ctx context.Context, after uint64, opt TailOptions, handle func([]Record) error) error {
	if opt.MaxBatch <= 0 {
		opt.MaxBatch = defaultMaxBatch
	}
	t := &tail{s: s, opt: opt, handle: handle, position: after}
	for try := 0; ; try++ {
		before := t.position
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var stop *stopError
		if errors.As(err, &stop) {
			return stop.cause
		}
		if t.position > before {
			try = 0
		}
		s.stats.tailRestarts.Add(1)
		s.cfg.Log.Warn().Err(err).Str("tail", opt.Name).Uint64("position", t.position).Msg("consumer replaced")
		if try > 0 {
			sleep(ctx, min(25*time.Millisecond<<min(try, 10), tailWaitMax))
		}
	}
}

// stopError carries an error that ends the tail for good.
type stopError struct{ cause error }

func (e *stopError) Error() string { return e.cause.Error() }

// tail is one call of Tail.
type tail struct {
	s        *Store
	opt      TailOptions
	handle   func([]Record) error
	position uint64 // of the last record handed on; always the end of a decision
	torn     uint64 // highest sequence that did not fit to the one before; not complained about twice
}

// follow reads with one consumer until something ends it. The consumer is an
// ordered one (acks none, in memory, gone after a minute without a reader); it
// is never resumed but always replaced, from the end of the last decision that
// was handed on.
func (t *tail) follow(ctx context.Context) error {
	consumer, err := t.s.js.CreateConsumer(ctx, t.s.cfg.Stream, jetstream.ConsumerConfig{
		FilterSubject:     t.opt.filter(),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       t.position + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	messages, err := consumer.Messages(
		jetstream.PullMaxMessagesWithBytesLimit(tailMessages, tailBytes),
		jetstream.PullHeartbeat(tailHeartbeat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("start consumer: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	b := newMailbox(t.position, tailMessages, tailBytes)
	r := &tailReader{t: t, messages: messages, box: b, last: t.position}
	var both sync.WaitGroup
	both.Go(func() { cancel(r.run(ctx)) })
	both.Go(func() { cancel(t.guard(ctx, b)) })
	cancel(t.pass(ctx, b))
	b.close()
	messages.Stop()
	both.Wait()
	t.discard(consumer)
	return context.Cause(ctx)
}

// discard deletes a consumer that is not needed any more; the server would do
// so itself later.
func (t *tail) discard(c jetstream.Consumer) {
	if t.s.nc.Status() != nats.CONNECTED {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := t.s.js.DeleteConsumer(ctx, t.s.cfg.Stream, c.CachedInfo().Name); err != nil {
		t.s.cfg.Log.Debug().Err(err).Str("tail", t.opt.Name).Msg("consumer left to expire")
	}
}

// pass hands on what the mailbox holds until ctx ends or handle fails.
func (t *tail) pass(ctx context.Context, b *mailbox) error {
	for {
		records, err := b.take(ctx, t.opt.MaxBatch)
		if err != nil {
			return err
		}
		if err := t.handle(records); err != nil {
			return &stopError{err}
		}
		t.position = records[len(records)-1].Seq
		t.s.noteSeen(t.position)
		t.s.stats.tailRecords.Add(uint64(len(records)))
	}
}

// guard is the watchdog. It ends the consumer after a reconnect, since the
// server may have lost it, and when it is stuck: two looks in a row without
// progress before the log's end. Three looks at a log that ends before the
// position mean that this is not the log that the position came from.
func (t *tail) guard(ctx context.Context, b *mailbox) error {
	status := t.s.nc.StatusChanged(nats.CONNECTED)
	defer t.s.nc.RemoveStatusListener(status)
	tick := time.NewTicker(t.s.watch)
	defer tick.Stop()
	var w progress
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-status:
			return errReconnected
		case <-tick.C:
		}
		got := b.progress()
		end, err := t.end(ctx, got)
		if err != nil {
			continue
		}
		if err := w.look(end, got, b.full()); err != nil {
			return t.explain(err, got)
		}
	}
}

// end returns the sequence up to which there is something to read, for a tail
// that has got so far: the log's end, or the last event of its kind. Only a log
// that is shorter than that is another log; what the server finds of a kind is
// not, since it also finds nothing when it cannot read its files.
func (t *tail) end(ctx context.Context, got uint64) (uint64, error) {
	last, err := t.s.LastSeq(ctx)
	if err != nil || t.opt.Kind == "" || last < got {
		return last, err
	}
	last, err = t.s.LastOf(ctx, t.opt.Kind)
	return max(last, got), err
}

// filter returns the subjects that a tail reads; empty for all.
func (o TailOptions) filter() string {
	if o.Kind == "" {
		return ""
	}
	return kindSubjects(o.Kind)
}

func (t *tail) explain(err error, position uint64) error {
	if errors.Is(err, errBeyond) {
		return &stopError{&PositionError{Position: t.s.Position(position), Epoch: t.s.epoch, Reason: err.Error()}}
	}
	return err
}

// progress is what the watchdog saw last.
type progress struct {
	got    uint64 // the reader's position
	behind bool   // it was before the log's end
	short  int    // looks in a row at a log that ends before the position
}

func (p *progress) look(end, got uint64, full bool) error {
	if end < got {
		if p.short++; p.short == 3 {
			return errBeyond
		}
		return nil
	}
	p.short = 0
	if p.behind && end > got && got == p.got && !full {
		return errStuck
	}
	p.got, p.behind = got, end > got
	return nil
}

// sleep waits, or returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
