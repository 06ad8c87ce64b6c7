package limit

import (
	"sync"
	"time"
)

// Denial is what somebody was refused, and how often.
type Denial[K comparable] struct {
	Key    K
	Reason string // of the last time
	Count  int
}

// Denials collapses refusals: the first of a key is told at once, those within
// the next minute together. It is safe for concurrent use.
type Denials[K comparable] struct {
	now func() time.Time

	mu      sync.Mutex
	pending map[K]*denial
	dropped int
}

type denial struct {
	reason string
	count  int
	told   time.Time
}

const (
	tellEvery  = time.Minute
	maxDenials = 10_000
)

// NewDenials returns an empty Denials by a clock, nil for the real one.
func NewDenials[K comparable](now func() time.Time) *Denials[K] {
	if now == nil {
		now = time.Now
	}
	return &Denials[K]{now: now, pending: map[K]*denial{}}
}

// Add counts a refusal. When there are too many different ones, it is dropped,
// and the number of those is told by Dropped.
func (d *Denials[K]) Add(key K, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.pending[key]
	if !ok {
		if len(d.pending) >= maxDenials {
			d.dropped++
			return
		}
		p = &denial{}
		d.pending[key] = p
	}
	p.count, p.reason = p.count+1, reason
}

// Due returns what is to be told now, and forgets it; all of it when the end
// has come.
func (d *Denials[K]) Due(end bool) []Denial[K] {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	var due []Denial[K]
	for key, p := range d.pending {
		switch waited := now.Sub(p.told) >= tellEvery; {
		case p.count > 0 && (waited || end):
			due = append(due, Denial[K]{Key: key, Reason: p.reason, Count: p.count})
			p.count, p.told = 0, now
		case p.count == 0 && waited:
			delete(d.pending, key)
		}
	}
	return due
}

// Dropped returns how many refusals were dropped.
func (d *Denials[K]) Dropped() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dropped
}
