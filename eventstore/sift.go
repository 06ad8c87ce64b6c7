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

// lookup is what one read says about many subjects.
type lookup struct {
	last     map[string]lastEvent // of each subject that has an event
	fresh    bool                 // it covers all that the leader had before
	assigned uint64               // no event to come has this sequence or a lower one
}

// multiLast reads the last events of subjects, at most 1,024. The read comes
// from any replica: a sequence may be too low, never too high.
func (s *Store) multiLast(ctx context.Context, subjects []string) (lookup, error) {
	l := lookup{last: make(map[string]lastEvent, len(subjects)), assigned: s.seen.Load()}
	leader := uint64(0)
	if s.replicas > 1 {
		var err error
		if leader, err = s.LastSeq(ctx); err != nil {
			return l, err
		}
		l.assigned = leader
	}
	end, err := s.direct(ctx, getRequest{MultiLast: subjects}, func(m *nats.Msg) {
		seq, err := strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64)
		if err != nil {
			return
		}
		prev, err := strconv.ParseUint(first(m.Header, hExpect), 10, 64)
		l.last[first(m.Header, "Nats-Subject")] = lastEvent{seq: seq, prev: prev, follows: err == nil, command: first(m.Header, hCommand)}
	})
	l.fresh = err == nil && end.upTo >= leader
	return l, err
}

// finding is what multiLast says about a job.
type finding int

const (
	stands  finding = iota // its expectations may be met
	refuted                // they are certainly not met
	unclear                // more must be read to say
)

// sift sorts jobs that the server has refused, or would: one read for all of
// them, aside from the committer's goroutine. Those certainly stale are
// answered, those in doubt are judged one by one, and the rest go out together
// again. When all stand, the read was behind, or a write to one of the subjects
// is still in flight: then all are judged, by the leader.
func (c *committer) sift(jobs []*job, cause error) {
	c.running.Go(func() {
		standing, doubtful := c.sort(jobs, &cause)
		if len(standing) == len(jobs) {
			standing, doubtful = nil, standing
		}
		c.requeue(standing)
		c.examine(doubtful, cause)
	})
}

// lookUp is sift for jobs that nothing is said against. Those that stand are
// not looked up again before they are sent.
func (c *committer) lookUp(jobs []*job) {
	c.running.Go(func() {
		var cause error
		standing, doubtful := c.sort(jobs, &cause)
		for _, j := range standing {
			j.asked = true
		}
		c.requeue(standing)
		c.examine(doubtful, cause)
	})
}

// sort answers those of jobs that are certainly stale. When the read fails,
// all are doubtful, and cause says why.
func (c *committer) sort(jobs []*job, cause *error) (standing, doubtful []*job) {
	var subjects []string
	for _, j := range jobs {
		for _, t := range j.writes {
			subjects = append(subjects, t.subject)
		}
	}
	if len(subjects) > maxGroupMessages {
		return nil, jobs
	}
	l, err := c.s.multiLast(c.ctx, subjects)
	if err != nil {
		*cause = err
		return nil, jobs
	}
	for _, j := range jobs {
		switch found, conflict := c.find(j, l); found {
		case stands:
			standing = append(standing, j)
		case refuted:
			c.conflict(j, conflict)
		case unclear:
			doubtful = append(doubtful, j)
		}
	}
	return standing, doubtful
}

// find compares a job with the last events of its subjects, and remembers
// these. A job is refuted when, on one subject, exactly one event follows the
// expected sequence and another command wrote it, or when the expected event
// is not there and never will be.
func (c *committer) find(j *job, l lookup) (finding, *ConflictError) {
	found := stands
	var conflict *ConflictError
	for _, t := range j.writes {
		e := l.last[t.subject]
		if e.seq > 0 {
			c.recent.put(t.subject, e.seq)
		}
		overtaken := e.seq > t.expect && e.follows && e.prev <= t.expect && e.command != j.command
		never := e.seq < t.expect && t.expect <= l.assigned
		switch {
		case e.seq == t.expect:
		case l.fresh && (overtaken || never):
			found = max(found, refuted)
			conflict = &ConflictError{Entity: t.entity, Expected: t.expect, Actual: e.seq}
		default:
			found = unclear
		}
	}
	return found, conflict
}
