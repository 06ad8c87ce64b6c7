package embedder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// turn does one piece of work; false when there is none for this node.
func (e *Embedder) turn(ctx context.Context) (bool, error) {
	e.mu.Lock()
	ready := e.health.CaughtUp
	e.mu.Unlock()
	if !ready || !e.cfg.Leads() {
		return false, nil
	}
	if err := e.models(ctx); err != nil {
		return false, err
	}
	if did, err := e.supersede(ctx); did || err != nil {
		return did, err
	}
	for _, p := range e.inUse() {
		e.mu.Lock()
		batch := e.backlog.take(p.Model(), p.MaxBatch(), e.cfg.Now())
		e.mu.Unlock()
		if len(batch) > 0 {
			return true, e.embed(ctx, p, batch)
		}
	}
	if did, err := e.merge(ctx); did || err != nil {
		return did, err
	}
	return e.activate(ctx)
}

// inUse are the providers whose models have to know every text: the wanted
// one, and the active one while it is another. The active one comes first, so
// that a large re-embedding holds up no search of something new.
func (e *Embedder) inUse() []embed.Provider {
	e.mu.Lock()
	defer e.mu.Unlock()
	var use []embed.Provider
	if i := slices.IndexFunc(e.cfg.Providers, func(p embed.Provider) bool { return p.Model() == e.health.Active }); i > 0 {
		use = append(use, e.cfg.Providers[i])
	}
	return append(use, e.cfg.Providers[0])
}

// models makes the wanted model known to the mesh, and learns which is active.
func (e *Embedder) models(ctx context.Context) error {
	r, err := e.cfg.Commands.Models(ctx)
	if err != nil {
		return err
	}
	wanted := e.cfg.Providers[0]
	if _, known := r.Models[wanted.Model()]; !known {
		dimensions, err := dimensionsOf(ctx, wanted)
		if err != nil {
			return err
		}
		if _, err := e.cfg.Commands.AddModel(ctx, wanted.Model(), dimensions); err != nil {
			return fmt.Errorf("add the model %s: %w", wanted.Model(), err)
		}
		if r, err = e.cfg.Commands.Models(ctx); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health.Active = r.Active
	return nil
}

// dimensionsOf asks the provider of a model whose length is not known before
// its first answer.
func dimensionsOf(ctx context.Context, p embed.Provider) (int, error) {
	if n := p.Dimensions(); n > 0 {
		return n, nil
	}
	results, err := p.Embed(ctx, []string{"dimensions"})
	if err != nil {
		return 0, err
	}
	return len(results[0].Vector), nil
}

// activate lets searches use the wanted model once it has embedded everything.
func (e *Embedder) activate(ctx context.Context) (bool, error) {
	e.mu.Lock()
	wanted, active := e.health.Wanted, e.health.Active
	done := e.backlog.waiting(wanted) == 0
	e.mu.Unlock()
	if !done || wanted == active {
		return false, nil
	}
	if _, err := e.cfg.Commands.ActivateModel(ctx, wanted); err != nil {
		return false, fmt.Errorf("activate the model %s: %w", wanted, err)
	}
	e.cfg.Log.Info().Str("model", wanted).Str("before", active).Msg("searches use another embedding model")
	return true, nil
}

// failed takes in why a turn did not come off, and returns how long to wait.
func (e *Embedder) failed(err error, pause time.Duration) time.Duration {
	var f *embed.Failure
	if errors.As(err, &f) {
		pause = max(pause, f.After)
	}
	e.mu.Lock()
	first := e.health.LastFailure == ""
	e.health.Failures++
	e.health.LastFailure, e.health.PausedUntil = err.Error(), e.cfg.Now().Add(pause)
	e.mu.Unlock()
	log := e.cfg.Log.Debug()
	if first {
		log = e.cfg.Log.Warn()
	}
	log.Err(err).Dur("pause", pause).Msg("embedding pauses: texts are found by their words meanwhile")
	return pause
}
