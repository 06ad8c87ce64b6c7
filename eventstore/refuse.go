package eventstore

import "fmt"

// rejected handles an error that the server answered to a flight.
func (c *committer) rejected(f *flight, code int, text string) {
	cause := fmt.Errorf("server refused: %s (%d)", text, code)
	switch code {
	case codeWrongLast, codeWrongLastInFlight:
		c.s.stats.refused.Add(1)
		for _, j := range f.jobs {
			j.refused++
		}
		if len(f.jobs) == 1 {
			c.examine(f.jobs, cause)
			return
		}
		c.running.Go(func() { c.sift(f.jobs, cause) })
	case codeStoreFailed, codeNoStorage:
		c.failAll(f, fmt.Errorf("append: %s (%d): %w", text, code, ErrFull))
	case codeTooLong, codeBatchTooLarge:
		c.failAll(f, fmt.Errorf("append: %s (%d): %w", text, code, ErrTooLarge))
	default:
		c.unknown(f, cause)
	}
}

// failAll answers the jobs of a flight that the server has certainly not
// stored. Where an earlier copy of a job may be stored, the log says.
func (c *committer) failAll(f *flight, err error) {
	for _, j := range f.jobs {
		if j.maybe {
			c.examine([]*job{j}, err)
			continue
		}
		c.finish(j, Receipt{}, err)
	}
}

// sift finds out which jobs of a refused flight are stale: one read of all
// their subjects' last sequences, which may be too low on a replica, never too
// high. Those beyond an expectation are judged; the rest go out as one group
// again. When none is found, the leader is asked about every one.
func (c *committer) sift(jobs []*job, cause error) {
	var subjects []string
	for _, j := range jobs {
		for _, t := range j.writes {
			subjects = append(subjects, t.subject)
		}
	}
	last, err := c.s.multiLast(c.ctx, subjects)
	if err != nil {
		c.examine(jobs, err)
		return
	}
	var rest, stale []*job
	for _, j := range jobs {
		if c.moved(j, last) {
			stale = append(stale, j)
		} else {
			rest = append(rest, j)
		}
	}
	if len(stale) == 0 {
		rest, stale = nil, rest
	}
	c.requeue(rest)
	c.examine(stale, cause)
}

// moved reports whether a subject of the job is not where the job expects it,
// and remembers what was seen.
func (c *committer) moved(j *job, last map[string]uint64) bool {
	moved := false
	for _, t := range j.writes {
		seq := last[t.subject]
		if seq > 0 {
			c.recent.put(t.subject, seq)
		}
		moved = moved || seq != t.expect
	}
	return moved
}
