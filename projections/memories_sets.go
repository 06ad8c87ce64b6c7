package projections

import (
	"fmt"
	"sync"
	"time"
)

// set names what the search is narrowed to.
func (s *search) set() string {
	return fmt.Sprintf("%s\x00%s\x00%t%q", s.tenant, s.Filter, s.Scopes == nil, s.Scopes)
}

// knownSets remembers something about filters for a short time, so that it is
// not found out by every search. Being wrong costs nothing but time: a search
// that finds too few is done again.
type knownSets struct {
	mu    sync.Mutex
	until map[string]time.Time
}

const (
	setsFresh = 10 * time.Second
	setsMost  = 1_000
)

func (l *knownSets) is(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until[key])
}

func (l *knownSets) add(key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil || len(l.until) >= setsMost {
		l.until = map[string]time.Time{}
	}
	l.until[key] = now.Add(setsFresh)
}
