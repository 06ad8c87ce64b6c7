package archive

import (
	"context"
	"iter"
	"sync"

	"github.com/hivemesh/hivemesh/eventstore"
)

// A target far away takes a round trip for each file; so many are read at a
// time. Segments are large, and held in memory.
const (
	sealsAhead    = 16
	segmentsAhead = 4
)

// Part is what Segments reads.
type Part struct {
	Seal   Seal
	Events []eventstore.Stored
}

// Segments reads the segments of seals, in their order, some ahead of the
// caller. Each has the error that Segment has for it; the Seal is always set.
// What is ahead stays in memory: a few segments.
func (l *Log) Segments(ctx context.Context, seals []Seal) iter.Seq2[Part, error] {
	return ahead(ctx, seals, segmentsAhead, func(ctx context.Context, s Seal) (Part, error) {
		events, err := l.Segment(ctx, s)
		return Part{s, events}, err
	})
}

// ahead gets every item, at most n at a time, while the caller works on what it
// has, and hands on what came in the order of the items.
func ahead[T, R any](ctx context.Context, items []T, n int, get func(context.Context, T) (R, error)) iter.Seq2[R, error] {
	type result struct {
		value R
		err   error
	}
	return func(yield func(R, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		rest := items
		var coming []chan result // the next first
		for len(coming) > 0 || len(rest) > 0 {
			for len(rest) > 0 && len(coming) < n {
				item, came := rest[0], make(chan result, 1)
				rest, coming = rest[1:], append(coming, came)
				running.Go(func() {
					value, err := get(ctx, item)
					came <- result{value, err}
				})
			}
			next := <-coming[0]
			coming = coming[1:]
			if !yield(next.value, next.err) {
				return
			}
		}
	}
}
