package limit

import (
	"sync"
	"time"
)

const (
	defaultWindow = time.Minute
	defaultPairs  = 4096
)

// Summary is what is told of the repeats of a key.
type Summary[K comparable] struct {
	Key   K
	Count int       // of repeats: without the first, which was told at once
	First time.Time // of the repeats
	Last  time.Time
}

// Collapse keeps repeated denials from flooding the audit. The first of a key
// is told at once, those that follow within a minute are counted and told once.
// What comes when all keys are taken is counted under the zero key, which
// should mean "others" to whoever reads it: so within a window no more than
// twice as many are told as keys are told apart. Its methods may be called
// concurrently.
type Collapse[K comparable] struct {
	window time.Duration
	most   int

	mu   sync.Mutex
	keys map[K]*repeats
}

type repeats struct {
	opened      time.Time
	count       int
	first, last time.Time
}

// NewCollapse returns a Collapse with a window, default one minute, that tells
// most keys apart at a time, default 4,096.
func NewCollapse[K comparable](window time.Duration, most int) *Collapse[K] {
	if window <= 0 {
		window = defaultWindow
	}
	if most <= 0 {
		most = defaultPairs
	}
	return &Collapse[K]{window: window, most: most, keys: map[K]*repeats{}}
}

// Add counts a denial and reports whether to tell it now, under the key that
// is returned: the zero one when there is no room for key.
func (c *Collapse[K]) Add(key K, now time.Time) (told K, tell bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.keys[key]
	if r == nil && len(c.keys) >= c.most {
		var others K
		key, r = others, c.keys[others]
	}
	if r == nil {
		c.keys[key] = &repeats{opened: now}
		return key, true
	}
	if r.count == 0 {
		if !now.Before(r.opened.Add(c.window)) {
			r.opened = now
			return key, true
		}
		r.first = now
	}
	r.count, r.last = r.count+1, now
	return key, false
}

// Due returns the repeats whose window is over, in no order, and forgets the
// keys. Call it every few seconds.
func (c *Collapse[K]) Due(now time.Time) []Summary[K] {
	return c.take(func(r *repeats) bool { return !now.Before(r.opened.Add(c.window)) })
}

// Flush returns all repeats that were not told and forgets every key. Call it
// before the end.
func (c *Collapse[K]) Flush() []Summary[K] {
	return c.take(func(*repeats) bool { return true })
}

func (c *Collapse[K]) take(which func(*repeats) bool) []Summary[K] {
	c.mu.Lock()
	defer c.mu.Unlock()
	var due []Summary[K]
	for key, r := range c.keys {
		if !which(r) {
			continue
		}
		if r.count > 0 {
			due = append(due, Summary[K]{Key: key, Count: r.count, First: r.first, Last: r.last})
		}
		delete(c.keys, key)
	}
	return due
}
