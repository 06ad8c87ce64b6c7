package eventstore

import (
	"context"
	"strconv"

	"github.com/nats-io/nats.go"
)

// lastEvent is what one read says about a subject's last event.
type lastEvent struct {
	seq     uint64
	prev    uint64 // sequence of the subject's event before it; valid when follows
	follows bool   // prev is known, from the expectation stored with the event
	command string
}

// multiLast returns the last event of each subject that has one, in one read.
// It comes from any replica: a sequence may be too low, never too high. fresh
// says that it covers all that the leader had when multiLast was called.
func (s *Store) multiLast(ctx context.Context, subjects []string) (last map[string]lastEvent, fresh bool, err error) {
	leader := uint64(0)
	if s.replicas > 1 {
		if leader, err = s.LastSeq(ctx); err != nil {
			return nil, false, err
		}
	}
	last = make(map[string]lastEvent, len(subjects))
	end, err := s.direct(ctx, getRequest{MultiLast: subjects}, func(m *nats.Msg) {
		seq, err := strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64)
		if err != nil {
			return
		}
		prev, err := strconv.ParseUint(first(m.Header, hExpect), 10, 64)
		last[first(m.Header, "Nats-Subject")] = lastEvent{seq: seq, prev: prev, follows: err == nil, command: first(m.Header, hCommand)}
	})
	return last, err == nil && end.upTo >= leader, err
}

// finding is what multiLast says about a job.
type finding int

const (
	standing finding = iota // its expectations may be met
	refuted                 // another command was certainly first
	doubtful                // more must be read to say
)

// sift sorts jobs that the server has refused, or would: one read for all of
// them, aside from the committer's goroutine. Those certainly stale are
// answered, those in doubt are judged one by one, and the rest go out together
// again. When all stand, the read was behind, or a write to one of the subjects
// is still in flight: then all are judged, by the leader.
func (c *committer) sift(jobs []*job, cause error) {
	c.running.Go(func() {
		var subjects []string
		for _, j := range jobs {
			for _, t := range j.writes {
				subjects = append(subjects, t.subject)
			}
		}
		if len(subjects) == 1 || len(subjects) > maxGroupMessages {
			c.examine(jobs, cause)
			return
		}
		last, fresh, err := c.s.multiLast(c.ctx, subjects)
		if err != nil {
			c.examine(jobs, err)
			return
		}
		var rest, doubt []*job
		for _, j := range jobs {
			switch found, conflict := c.find(j, last, fresh); found {
			case standing:
				rest = append(rest, j)
			case refuted:
				c.conflict(j, conflict)
			case doubtful:
				doubt = append(doubt, j)
			}
		}
		if len(rest) == len(jobs) {
			rest, doubt = nil, rest
		}
		c.requeue(rest)
		c.examine(doubt, cause)
	})
}

// find compares a job with the last events of its subjects, and remembers
// these. A job is refuted when, on one subject, exactly one event follows the
// expected sequence and another command wrote it.
func (c *committer) find(j *job, last map[string]lastEvent, fresh bool) (finding, *ConflictError) {
	found := standing
	var conflict *ConflictError
	for _, t := range j.writes {
		e := last[t.subject]
		if e.seq > 0 {
			c.recent.put(t.subject, e.seq)
		}
		switch {
		case e.seq == t.expect:
		case fresh && e.seq > t.expect && e.follows && e.prev <= t.expect && e.command != j.command:
			found = max(found, refuted)
			conflict = &ConflictError{Entity: t.entity, Expected: t.expect, Actual: e.seq}
		default:
			found = doubtful
		}
	}
	return found, conflict
}
