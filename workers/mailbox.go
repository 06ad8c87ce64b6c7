package workers

import "sync"

// mailbox hands items to one goroutine without ever blocking who puts them
// in. What bounds it is what bounds the senders: an item for each effect that
// was begun.
type mailbox[T any] struct {
	wake chan struct{} // holds a token while there may be items

	mu    sync.Mutex
	items []T
}

func newMailbox[T any]() *mailbox[T] { return &mailbox[T]{wake: make(chan struct{}, 1)} }

func (b *mailbox[T]) put(item T) {
	b.mu.Lock()
	b.items = append(b.items, item)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *mailbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}

// maxBeats is how many agents' heartbeats are kept until the loop takes them.
const maxBeats = 65_536

// beats keeps the latest heartbeat of each agent until the loop takes them.
type beats struct {
	mu     sync.Mutex
	latest map[key][]Held
	lost   uint64
}

// put replaces an earlier heartbeat of the agent. One of yet another agent is
// dropped when there are too many.
func (b *beats) put(k key, held []Held) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.latest == nil {
		b.latest = map[key][]Held{}
	}
	if _, known := b.latest[k]; !known && len(b.latest) >= maxBeats {
		b.lost++
		return
	}
	b.latest[k] = held
}

// take returns what came since the last time, and how many were dropped ever.
func (b *beats) take() (map[key][]Held, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	latest := b.latest
	b.latest = nil
	return latest, b.lost
}
