package eventstore

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// scanLimit bounds how far gather looks for jobs whose subjects are free.
const scanLimit = 4 * maxGroupMessages

// pump sends what may be sent now: up to maxPlain waiting single events as
// plain publishes beside those in flight; otherwise, once nothing is in flight,
// everything that has gathered as one batch. It never waits for more.
func (c *committer) pump() {
	for c.batch == nil {
		jobs, b := c.take()
		if len(jobs) == 0 {
			return
		}
		if jobs = c.holdBack(jobs); len(jobs) == 0 {
			continue
		}
		if st := c.s.nc.Status(); st != nats.CONNECTED {
			c.examine(jobs, fmt.Errorf("connection is %s", st))
			continue
		}
		if b != nil && (len(jobs) > 1 || !jobs[0].plain()) {
			c.sendBatch(jobs, b)
			return
		}
		for _, j := range jobs {
			c.sendPlain(j)
		}
	}
}

// take removes from the queue what goes next: all of it as plain publishes, or
// a group for a batch; or nothing while other flights must land first.
func (c *committer) take() ([]*job, *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, nil
	}
	if c.several == 0 && len(c.queue)+len(c.flights) <= maxPlain {
		jobs := c.queue
		c.queue = nil
		return jobs, nil
	}
	if len(c.flights) > 0 {
		return nil, nil
	}
	b := newBatch()
	return c.gather(b), b
}

// gather removes jobs from the queue for a batch: in order, each subject at
// most once, within the limits of a batch. The caller holds mu.
func (c *committer) gather(b *batch) []*job {
	var group, rest []*job
	for i, j := range c.queue {
		if b.count == maxGroupMessages || i == scanLimit {
			rest = append(rest, c.queue[i:]...)
			break
		}
		if b.count+len(j.records) > maxGroupMessages || b.bytes+j.size > maxGroupBytes || !claim(b.used, j) {
			rest = append(rest, j)
			continue
		}
		group = append(group, j)
		b.count += len(j.records)
		b.bytes += j.size
		if !j.plain() {
			c.several--
		}
	}
	c.queue = rest
	return group
}

// claim adds the job's subjects to used, unless one of them is there.
func claim(used map[string]struct{}, j *job) bool {
	for _, t := range j.writes {
		if _, taken := used[t.subject]; taken {
			return false
		}
	}
	for _, t := range j.writes {
		used[t.subject] = struct{}{}
	}
	return true
}

// holdBack sets the jobs aside that are known to be stale, to be judged, and
// while the committer is wary those of which nothing is known, to be looked up.
// It returns the others.
func (c *committer) holdBack(jobs []*job) []*job {
	var fresh, stale, unknown []*job
	for _, j := range jobs {
		switch {
		case c.stale(j):
			stale = append(stale, j)
		case c.wary > 0 && c.isUnknown(j):
			unknown = append(unknown, j)
		default:
			fresh = append(fresh, j)
		}
	}
	c.s.stats.heldBack.Add(uint64(len(stale)))
	if len(stale) > 0 {
		c.sift(stale, nil)
	}
	if len(unknown) > 0 {
		c.lookUp(unknown)
	}
	return fresh
}

// stale reports whether the server would refuse the job: a subject is known to
// have moved on, or the expectation is beyond all that is known of the log.
func (c *committer) stale(j *job) bool {
	if j.looked {
		return false
	}
	for _, t := range j.writes {
		last, ok := c.recent.get(t.subject)
		if last > t.expect || !ok && t.expect > c.s.seen.Load() {
			return true
		}
	}
	return false
}

// isUnknown reports whether one of the job's subjects was neither written nor
// looked up lately.
func (c *committer) isUnknown(j *job) bool {
	if j.asked {
		return false
	}
	for _, t := range j.writes {
		if _, ok := c.recent.get(t.subject); !ok {
			return true
		}
	}
	return false
}

// takeOff registers a flight and returns its reply subject.
func (c *committer) takeOff(f *flight) string {
	c.token++
	f.since = time.Now()
	c.flights[c.token] = f
	return c.inbox + formatToken(c.token)
}
