package eventstore

import "fmt"

// rejected handles an error that the server answered to a flight.
func (c *committer) rejected(f *flight, code int, text string) {
	cause := fmt.Errorf("server refused: %s (%d)", text, code)
	switch code {
	case codeWrongLast, codeWrongLastInFlight:
		c.s.stats.refused.Add(1)
		if f.batch != nil {
			c.wary = waryGroups
		}
		for _, j := range f.jobs {
			j.failed++
		}
		c.sift(f.jobs, cause)
	case codeStoreFailed, codeNoStorage, codeServerFull, codeAccountFull:
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
			j.failed++
			c.examine([]*job{j}, err)
			continue
		}
		c.finish(j, Receipt{}, err)
	}
}
