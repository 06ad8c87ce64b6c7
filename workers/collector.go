package workers

import (
	"context"
	"time"
)

// sweepTimeout bounds one sweep.
const sweepTimeout = 10 * time.Minute

// collect has artifacts that no event names removed, period by period, while
// this node leads. Every node folds what the log names, so that any can begin.
// What a sweep could not do, the next one does.
func (c *Coordinator) collect(ctx context.Context) {
	tick := time.NewTicker(c.cfg.ArtifactSweep)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		c.sweep(ctx)
	}
}

func (c *Coordinator) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	gone, err := c.artifacts.Sweep(ctx, c.cfg.Now(), func() bool { return ctx.Err() == nil && c.Health().Leader })
	c.collected.Add(uint64(gone.Objects))
	if gone.Objects > 0 {
		c.cfg.Log.Info().Int("objects", gone.Objects).Uint64("bytes", gone.Bytes).Msg("artifacts that no event names were removed")
	}
	if err != nil && ctx.Err() == nil {
		c.cfg.Log.Warn().Err(err).Msg("artifacts were not all looked at; the next sweep goes on")
	}
}
