package projections

import (
	"context"
	"time"
)

// The pauses between two attempts to use Postgres.
const (
	shortPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	steady     = 10 * time.Second // an attempt that lasted so long was a success
)

// persist calls try until ctx ends, with growing pauses; a pause ends early
// when Postgres is found to be back. failed is told how an attempt ended, how
// long it lasted, and how long the pause may be that follows.
func (p *Projections) persist(ctx context.Context, try func(context.Context) error, failed func(err error, lasted, pause time.Duration)) {
	for pause := shortPause; ; {
		back, begun := p.view.returned(), time.Now()
		err := try(ctx)
		if ctx.Err() != nil {
			return
		}
		lasted := time.Since(begun)
		if lasted > steady {
			pause = shortPause
		}
		failed(err, lasted, pause)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-back:
			pause = shortPause
		case <-t.C:
			pause = min(2*pause, longPause)
		}
		t.Stop()
	}
}

// rest pauses; false when ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
