package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// judgeFor is how long a decision's fate is looked up, in times of AckWait.
const judgeFor = 3

// unknown handles a flight that may or may not have been stored.
func (c *committer) unknown(f *flight, cause error) {
	c.s.stats.unknown.Add(uint64(len(f.jobs)))
	for _, j := range f.jobs {
		j.maybe = true
		j.failed++
	}
	c.examine(f.jobs, cause)
}

// examine judges jobs aside from the committer's goroutine, and then queues
// those together again that may still be stored.
func (c *committer) examine(jobs []*job, cause error) {
	if len(jobs) == 0 {
		return
	}
	now := time.Now()
	for _, j := range jobs {
		j.cause = cause
		if j.troubled.IsZero() {
			j.troubled = now
		}
	}
	c.running.Go(func() {
		var (
			mu   sync.Mutex
			open []*job
			all  sync.WaitGroup
		)
		for _, j := range jobs {
			c.judges <- struct{}{}
			all.Go(func() {
				defer func() { <-c.judges }()
				if c.judge(j) {
					mu.Lock()
					defer mu.Unlock()
					open = append(open, j)
				}
			})
		}
		all.Wait()
		c.requeue(open)
	})
}

// judge reads a job's fate from the log until it is known and answers the job,
// or returns true when it may still be stored.
func (c *committer) judge(j *job) bool {
	for try := 0; time.Since(j.troubled) < judgeFor*c.s.cfg.AckWait && c.ctx.Err() == nil; try++ {
		receipt, conflict, err := c.look(j)
		switch {
		case err != nil:
			j.cause = err
			c.pause(min(try, 8))
		case conflict != nil:
			c.conflict(j, conflict)
			return false
		case len(receipt.Records) > 0:
			c.answer(j, receipt)
			return false
		default:
			j.looked = true
			if j.failed > 0 {
				c.pause(min(j.failed, 8))
			}
			return true
		}
	}
	c.giveUp([]*job{j})
	return false
}

// look reads from the leader where the job's entities stand. It returns the
// records when the job's command is among the events after an expectation, a
// conflict when an expectation cannot be met any more, and neither when the job
// may still be stored.
func (c *committer) look(j *job) (Receipt, *ConflictError, error) {
	if st := c.s.nc.Status(); st != nats.CONNECTED {
		return Receipt{}, nil, fmt.Errorf("connection is %s", st)
	}
	var conflict *ConflictError
	for _, t := range j.writes {
		last, err := c.s.leaderLast(c.ctx, t.subject)
		if err != nil {
			return Receipt{}, nil, err
		}
		if last > 0 {
			c.recent.put(t.subject, last)
		}
		if last == t.expect {
			continue
		}
		if last > t.expect {
			own, err := c.s.written(c.ctx, t.subject, t.expect, last, j.command)
			if err != nil {
				return Receipt{}, nil, err
			}
			if len(own) > 0 {
				return c.recover(j)
			}
		}
		if conflict == nil {
			conflict = &ConflictError{Entity: t.entity, Expected: t.expect, Actual: last}
		}
	}
	return Receipt{}, conflict, nil
}

// recover returns what the job's command has written to all of its entities.
// Decisions are stored whole, so one event found means that all are there.
func (c *committer) recover(j *job) (Receipt, *ConflictError, error) {
	var records []Record
	for _, t := range j.writes {
		last, err := c.s.leaderLast(c.ctx, t.subject)
		if err != nil {
			return Receipt{}, nil, err
		}
		own, err := c.s.written(c.ctx, t.subject, t.expect, last, j.command)
		if err != nil {
			return Receipt{}, nil, err
		}
		records = append(records, own...)
	}
	return Receipt{Records: records, Repeat: records[0].ID != j.records[0].ID}, nil, nil
}

// written returns the events of a subject after one sequence and up to at
// least another that a command wrote.
func (s *Store) written(ctx context.Context, subject string, after, upTo uint64, command string) ([]Record, error) {
	records, err := s.historyTo(ctx, subject, after, upTo)
	if err != nil {
		return nil, err
	}
	var own []Record
	for _, r := range records {
		if r.Command == command {
			own = append(own, r)
		}
	}
	return own, nil
}

func (c *committer) answer(j *job, r Receipt) {
	if r.Repeat {
		c.s.stats.repeats.Add(1)
	} else {
		c.s.stats.decisions.Add(1)
		c.s.stats.appended.Add(uint64(len(r.Records)))
	}
	c.finish(j, r, nil)
}

func (c *committer) conflict(j *job, err *ConflictError) {
	c.s.stats.conflicts.Add(1)
	c.finish(j, Receipt{}, err)
}

// giveUp answers jobs whose fate could not be read in time.
func (c *committer) giveUp(jobs []*job) {
	for _, j := range jobs {
		kind := ErrUnavailable
		if j.maybe {
			kind = ErrUnknownOutcome
			c.s.stats.lost.Add(1)
		}
		if j.cause == nil {
			j.cause = errors.New("store is closing")
		}
		c.finish(j, Receipt{}, fmt.Errorf("append: %w: %w", kind, j.cause))
	}
}

// pause waits up to 2^n milliseconds, at least half of them, or until the
// committer stops.
func (c *committer) pause(n int) {
	span := time.Millisecond << n
	timer := time.NewTimer(span/2 + rand.N(span/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}
