package eventstore

import (
	"context"
	"sync"
)

// mailbox holds what a tail has read and not handed on yet, bounded in records
// and bytes. One goroutine puts, one takes.
type mailbox struct {
	maxRecords, maxBytes int

	mu      sync.Mutex
	records []Record
	ends    int // records[:ends] are whole decisions
	bytes   int
	last    uint64 // sequence of the last record put; of the start before that
	closed  bool
	filled  chan struct{} // capacity 1: there is something to take
	drained chan struct{} // capacity 1: there is room
}

func newMailbox(after uint64, maxRecords, maxBytes int) *mailbox {
	return &mailbox{
		last: after, maxRecords: maxRecords, maxBytes: maxBytes,
		filled: make(chan struct{}, 1), drained: make(chan struct{}, 1),
	}
}

// put adds a record. It waits while the mailbox is full and holds something
// that can be taken, and returns false when the mailbox is closed.
func (b *mailbox) put(r Record) bool {
	for {
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			return false
		}
		if !b.isFull() {
			b.records = append(b.records, r)
			b.bytes += len(r.Data)
			b.last = r.Seq
			if r.EndsDecision() {
				b.ends = len(b.records)
				signal(b.filled)
			}
			b.mu.Unlock()
			return true
		}
		b.mu.Unlock()
		<-b.drained
	}
}

func (b *mailbox) isFull() bool {
	return b.ends > 0 && (len(b.records) >= b.maxRecords || b.bytes >= b.maxBytes)
}

// take waits for whole decisions and returns up to limit records of them; more
// only when the first decision is larger.
func (b *mailbox) take(ctx context.Context, limit int) ([]Record, error) {
	for {
		b.mu.Lock()
		if n := b.cut(limit); n > 0 {
			out := append([]Record(nil), b.records[:n]...)
			b.remove(n)
			b.mu.Unlock()
			return out, nil
		}
		b.mu.Unlock()
		select {
		case <-b.filled:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// cut returns how many records the next batch holds.
func (b *mailbox) cut(limit int) int {
	n := min(limit, b.ends)
	for i := n; i > 0; i-- {
		if b.records[i-1].EndsDecision() {
			return i
		}
	}
	for i := n; i < b.ends; i++ {
		if b.records[i].EndsDecision() {
			return i + 1
		}
	}
	return b.ends
}

func (b *mailbox) remove(n int) {
	for i := range n {
		b.bytes -= len(b.records[i].Data)
	}
	rest := copy(b.records, b.records[n:])
	clear(b.records[rest:])
	b.records = b.records[:rest]
	b.ends -= n
	signal(b.drained)
	if b.ends > 0 {
		signal(b.filled)
	}
}

// endDecision makes all that is held takable, whole or not.
func (b *mailbox) endDecision() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ends = len(b.records)
	signal(b.filled)
}

// progress returns the sequence of the last record put.
func (b *mailbox) progress() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

func (b *mailbox) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isFull()
}

func (b *mailbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	signal(b.drained)
}

// signal wakes the one who waits on ch, now or later.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
