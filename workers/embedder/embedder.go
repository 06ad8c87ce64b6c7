// Package embedder makes what is remembered findable by meaning. It follows
// the memory events of the log, lets a model make vectors of texts, and appends
// these as events, so that each text is embedded once a model in its life,
// whatever is rebuilt or replayed later.
//
//	memory events ──► backlog: what waits for which model
//	                     │  oldest first, in batches
//	                     ▼
//	                  provider ──► memory.embedded ──► the read model ──► searches
//	                     │
//	                     └─ a failure: wait (1, 2, 4 … 60 s, or as the provider says)
//
// # Who acts
//
// Every node follows; the one whose coordinator leads acts. Two that act at
// once cost a provider a text twice and change nothing else: the second vector
// of one text by one model is no event.
//
// # Changing the model
//
// The first provider is the one wanted. While its model has not embedded
// everything, searches go on by the model that is active, and new texts are
// embedded by both if the active one's provider is still given; then the
// wanted model is made active, by an event.
//
// # What else is curated
//
// A fact, decision or skill that says nearly the same as another in its scope
// is merged into that one, when it is embedded. A newer item about the same
// subject in a scope supersedes the older.
//
// # When things fail
//
//	what                          then
//	----                          ----
//	provider down, slow, limits   back-off; texts are found by their words meanwhile
//	one text of a batch is bad    the batch is halved until it is alone; that one is left
//	                              out for an hour, and told of in the statistics
//	a bad answer                  never becomes an event (package memory/embed checks it)
//	log down or full              back-off
//	Postgres away                 duplicates wait for it, up to 10,000 and while this node
//	                              leads; everything else goes on
package embedder

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/workers/follow"
)

const (
	gather     = 5 * time.Millisecond // before a batch, for others that come at the same time
	firstPause = time.Second
	longPause  = time.Minute
	setAside   = time.Hour // for a text that a provider cannot embed
	idle       = time.Second
)

// Config is what an Embedder needs.
type Config struct {
	Store     *eventstore.Store
	Commands  *commands.Service
	Providers []embed.Provider // the wanted one, then others whose models may still be active
	Leads     func() bool      // whether this node acts
	// Nearest returns the closest other item to a vector in an item's scope,
	// its distance, and whether there is one. May be nil: duplicates are kept.
	Nearest func(ctx context.Context, tenant string, of memory.Item, model string, v memory.Vector, after uint64) (id string, distance float64, found bool, err error)
	// SameDistance is the cosine distance up to which two items say the same;
	// 0 means 0.1.
	SameDistance float64
	Now          func() time.Time // default time.Now
	Log          zerolog.Logger
}

// Embedder makes vectors of what is remembered. Its methods may be called from
// any goroutine.
type Embedder struct {
	cfg Config

	unchecked []fresh // whether they say the same as others; of the one goroutine that works

	mu      sync.Mutex
	backlog backlog
	wake    chan struct{} // holds one: something waits
	health  Health
}

// Health is what an embedder tells about itself.
type Health struct {
	Wanted      string    // model
	Active      string    // model that searches use; empty before the first
	Waiting     int       // texts that the wanted model has not embedded
	SetAside    int       // texts that a provider could not embed
	Embedded    uint64    // texts, since the start of this node
	Tokens      uint64    // that providers have read, since the start of this node
	Failures    uint64    // of providers, since the start of this node
	LastFailure string    // the latest, empty after a success
	PausedUntil time.Time // after a failure
	CaughtUp    bool      // the log as it was at the start has been folded
}

// New returns an embedder that does nothing until Run. It needs a provider.
func New(cfg Config) *Embedder {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.SameDistance == 0 {
		cfg.SameDistance = 0.1
	}
	models := make([]string, len(cfg.Providers))
	for i, p := range cfg.Providers {
		models[i] = p.Model()
	}
	return &Embedder{cfg: cfg, backlog: newBacklog(models), wake: make(chan struct{}, 1), health: Health{Wanted: models[0]}}
}

// Run follows the log and embeds while this node leads, until ctx ends: nil
// then, or the error that broke the tail.
func (e *Embedder) Run(ctx context.Context) error {
	end, err := e.cfg.Store.LastOf(ctx, "memory")
	if err != nil {
		return fmt.Errorf("find the last memory event: %w", err)
	}
	e.folded(nil, end)
	return follow.Run(ctx, e.cfg.Store, "memory", "embedder", func(rs []eventstore.Record) { e.folded(rs, end) }, e.work)
}

// folded takes in what the tail brought.
func (e *Embedder) folded(rs []eventstore.Record, end uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range rs {
		e.backlog.fold(r)
	}
	if end == 0 || len(rs) > 0 && rs[len(rs)-1].Seq >= end {
		e.health.CaughtUp = true
	}
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Health returns what the embedder knows about itself.
func (e *Embedder) Health() Health {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.health
	h.Waiting, h.SetAside = e.backlog.waiting(h.Wanted), e.backlog.aside(h.Wanted)
	return h
}

// work embeds what waits whenever this node leads.
func (e *Embedder) work(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		did, err := e.turn(ctx)
		switch {
		case err != nil:
			wait := e.failed(err, pause)
			pause = min(2*pause, longPause)
			e.rest(ctx, wait, false)
		case did:
			pause = firstPause
		default:
			pause = firstPause
			e.rest(ctx, idle, true)
		}
	}
}

// rest waits, and when it may be woken, until there is something to do.
func (e *Embedder) rest(ctx context.Context, d time.Duration, wakes bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	wake := e.wake
	if !wakes {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-wake:
		t.Reset(gather)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}
