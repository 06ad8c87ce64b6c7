// Package driller tries by itself, every week, whether the archive can be
// restored, and how long that takes: a backup that was never restored is a
// hope.
//
//	drill.passed, drill.failed ──► when the last one was ──► due ──► drill ──► its outcome, as an event
//
// The node that leads acts. A drill that fails is tried again after an hour.
package driller

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain/drill"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers/follow"
)

const (
	look       = 10 * time.Second // or a tenth of what lies between drills
	quickest   = 100 * time.Millisecond
	firstAfter = 10 * time.Minute // of a node's lead, where there was none before
	againAfter = time.Hour        // one that failed
)

// Config is what a Driller needs.
type Config struct {
	Store *eventstore.Store
	Leads func() bool // whether this node acts
	// Drill restores the archive in a scratch place and tells what came of it;
	// the error is ctx's.
	Drill func(ctx context.Context) (drill.Event, error)
	// Record keeps the outcome.
	Record func(ctx context.Context, outcome drill.Event) error
	Every  time.Duration
	Now    func() time.Time
	Tick   <-chan time.Time // looks whether one is due; nil: its own
	Log    zerolog.Logger
}

// State is what is known about drills.
type State struct {
	LastAt  time.Time    // of the last one; zero for none
	Failed  string       // why that failed; empty when it passed
	Passed  drill.Passed // the last that passed
	Running bool         // one runs here now
}

// Driller is one node's. Use New.
type Driller struct {
	cfg Config

	mu    sync.Mutex
	state State
	begun time.Time // when this node was first seen to lead
}

// New returns a Driller; Run makes it work.
func New(cfg Config) *Driller {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Driller{cfg: cfg}
}

// State returns what is known about drills, on every node.
func (d *Driller) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Run drills whenever one is due until ctx ends: nil then, or the error that
// broke the tail.
func (d *Driller) Run(ctx context.Context) error {
	return follow.Run(ctx, d.cfg.Store, drill.EntityKind, "driller", d.fold, d.watch)
}

func (d *Driller) fold(rs []eventstore.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range rs {
		e, err := drill.Decode(r.Type, r.Schema, r.Data)
		if err != nil {
			continue // of a later version
		}
		if r.Time.After(d.state.LastAt) {
			d.state.LastAt = r.Time
		}
		d.state.Failed = ""
		switch e := e.(type) {
		case drill.Passed:
			d.state.Passed = e
		case drill.Failed:
			d.state.Failed = e.Reason
		}
	}
}

func (d *Driller) watch(ctx context.Context) {
	tick := d.cfg.Tick
	if tick == nil {
		t := time.NewTicker(min(look, max(quickest, d.cfg.Every/10)))
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if !d.due() {
			continue
		}
		if err := d.drill(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Log.Error().Err(err).Msg("the outcome of a drill could not be recorded")
		}
	}
}

// due reports whether this node is to drill now.
func (d *Driller) due() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Now()
	if !d.cfg.Leads() {
		d.begun = time.Time{}
		return false
	}
	if d.begun.IsZero() {
		d.begun = now
	}
	wait := d.cfg.Every
	if d.state.Failed != "" {
		wait = min(wait, againAfter)
	}
	if d.state.LastAt.IsZero() {
		return now.Sub(d.begun) >= min(firstAfter, d.cfg.Every)
	}
	return now.Sub(d.state.LastAt) >= wait
}

func (d *Driller) drill(ctx context.Context) error {
	d.running(true)
	defer d.running(false)
	outcome, err := d.cfg.Drill(ctx)
	if err != nil {
		return err
	}
	switch e := outcome.(type) {
	case drill.Passed:
		d.cfg.Log.Info().Float64("rto_seconds", e.AllSeconds).Float64("loss_seconds", e.LossSeconds).Uint64("events", e.Events).Msg("the archive was restored in a drill")
	case drill.Failed:
		d.cfg.Log.Error().Str("reason", e.Reason).Msg("the archive could not be restored in a drill")
	}
	if err := d.cfg.Record(ctx, outcome); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.LastAt = d.cfg.Now() // the event says so soon
	return nil
}

func (d *Driller) running(is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Running = is
}
