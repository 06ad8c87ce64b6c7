package eventstore

import "time"

// SetWatch makes the watchdog of later tails look every d.
func (s *Store) SetWatch(d time.Duration) { s.watch = d }
