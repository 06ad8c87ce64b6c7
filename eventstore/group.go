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
	for !c.batch {
		jobs, plain := c.take()
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
		if !plain && (len(jobs) > 1 || !jobs[0].plain()) {
			c.sendBatch(jobs)
			return
		}
		for _, j := range jobs {
			c.sendPlain(j)
		}
	}
}

// take removes from the queue what goes next: all of it as plain publishes, or
// one group; or nothing while other flights must land first.
func (c *committer) take() (jobs []*job, plain bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, false
	}
	if c.several == 0 && len(c.queue)+len(c.flights) <= maxPlain {
		jobs, c.queue = c.queue, nil
		return jobs, true
	}
	if len(c.flights) > 0 {
		return nil, false
	}
	return c.gather(), false
}

// gather removes one group from the queue: in order, each subject at most
// once, within the limits of a batch. The caller holds mu.
func (c *committer) gather() []*job {
	var group, rest []*job
	used := make(map[string]struct{}, min(len(c.queue), maxGroupMessages))
	count, bytes := 0, 0
	for i, j := range c.queue {
		if count == maxGroupMessages || i == scanLimit {
			rest = append(rest, c.queue[i:]...)
			break
		}
		if count+len(j.records) > maxGroupMessages || bytes+j.size > maxGroupBytes || !claim(used, j) {
			rest = append(rest, j)
			continue
		}
		group = append(group, j)
		count += len(j.records)
		bytes += j.size
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
// returns the others.
func (c *committer) holdBack(jobs []*job) []*job {
	var fresh, stale []*job
	for _, j := range jobs {
		if c.stale(j) {
			stale = append(stale, j)
		} else {
			fresh = append(fresh, j)
		}
	}
	if len(stale) > 0 {
		c.s.stats.heldBack.Add(uint64(len(stale)))
		c.sift(stale, nil)
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

// takeOff registers a flight and returns its reply subject.
func (c *committer) takeOff(jobs []*job, count int) string {
	c.token++
	c.flights[c.token] = &flight{jobs: jobs, count: count, since: time.Now()}
	return c.inbox + formatToken(c.token)
}
