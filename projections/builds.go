package projections

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// builds are the rebuilds that the owner of the live lane does by itself:
// read models without a live generation, and those asked for by an event.
type builds struct {
	p       *Projections
	mu      sync.Mutex
	running map[string]bool
	group   sync.WaitGroup
}

func (b *builds) wait() { b.group.Wait() }

// requested starts the rebuilds of defs that events have asked for.
func (b *builds) requested(ctx context.Context, defs []definition) {
	for _, d := range defs {
		if needed, err := b.needed(ctx, d); err == nil && needed {
			b.start(ctx, d)
		}
	}
}

// needed reports whether d has no live generation, or a rebuild is asked for.
func (b *builds) needed(ctx context.Context, d definition) (bool, error) {
	var requested bool
	err := b.p.cfg.Pool.QueryRow(ctx, `SELECT rebuild_requested FROM projection_live WHERE name = $1 AND version = $2`, d.name, d.version).Scan(&requested)
	if errors.Is(err, pgx.ErrNoRows) {
		return true, nil
	}
	return requested, err
}

// start builds d in the background unless it is being built.
func (b *builds) start(ctx context.Context, d definition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running[d.name] {
		return
	}
	b.running[d.name] = true
	b.group.Go(func() {
		b.build(ctx, d)
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.running, d.name)
	})
}

// build tries until d is built, by this node or another.
func (b *builds) build(ctx context.Context, d definition) {
	for ctx.Err() == nil {
		needed, err := b.needed(ctx, d)
		if err == nil && !needed {
			return
		}
		if err == nil {
			err = b.p.build(ctx, []definition{d}, nil)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, errBusy) {
			b.p.cfg.Log.Error().Err(err).Str("projection", d.name).Msg("rebuild failed: trying again")
		}
		if err != nil && !rest(ctx, 2*time.Second) {
			return
		}
	}
}
