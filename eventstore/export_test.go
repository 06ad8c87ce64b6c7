package eventstore

import "time"

// SetWatch makes the watchdog of later tails look every d.
func (s *Store) SetWatch(d time.Duration) { s.watch = d }

// Cached reports whether the entity's state is at hand.
func Cached[S any](c *Cache[S], e Entity) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.entries[e]
	return ok
}
