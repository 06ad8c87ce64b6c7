// Package archiver ships the log to an archive while it grows.
//
//	log ──► pending events ──► artifacts, keys, segment, seal
//	              │ every few seconds, or when they are many
//
// One node does it, the one whose coordinator leads; two at once do no harm
// (see package archive). The log never waits for the archive: when the target
// is full, slow or away, what is pending stays in the log, and the archiver
// tries again (1, 2, 4 … 30 s) and says in its State what is wrong.
package archiver

import (
	"context"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	defaultEvery    = 10 * time.Second
	defaultMaxBytes = 8 << 20
	firstPause      = time.Second
	longPause       = 30 * time.Second
)

// Config is what an Archiver needs.
type Config struct {
	Store  *eventstore.Store
	Target archive.Target
	Leads  func() bool // whether this node acts
	// Keys returns what the log does not hold, and a number that grows when
	// it changes.
	Keys       func(context.Context) (archive.Keys, uint64, error)
	Recipients []age.Recipient // who can read the keys
	Every      time.Duration   // an event waits so long at most, and as long as the target takes; default 10 s
	MaxBytes   int             // of events in a segment, about; default 8 MiB
	Now        func() time.Time
	Log        zerolog.Logger
}

// State is how far the archive is.
type State struct {
	Active   bool      // this node archives
	Archived uint64    // the archive holds the log up to this sequence
	LastAt   time.Time // when the event of that sequence was stored
	SealedAt time.Time // when the last segment was written
	Segments int
	Pending  int       // events read and not archived yet
	Since    time.Time // of the oldest of these; zero for none
	Failures uint64    // tries that failed, since the start
	Error    string    // why the last try failed; empty when it did not
}

// Archiver is one node's archiver. Use New.
type Archiver struct {
	cfg Config

	mu      sync.Mutex
	state   State
	log     *archive.Log  // as it was opened last, up to state.Archived; nil before that
	wanted  uint64        // what somebody waits for
	changed chan struct{} // closed and replaced when state changes
	asked   chan struct{} // capacity 1: wanted has grown
}

// New returns an Archiver; Run makes it work.
func New(cfg Config) *Archiver {
	if cfg.Every <= 0 {
		cfg.Every = defaultEvery
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Archiver{cfg: cfg, changed: make(chan struct{}), asked: make(chan struct{}, 1)}
}

// State returns how far the archive is.
func (a *Archiver) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

func (a *Archiver) update(change func(*State)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.state)
	close(a.changed)
	a.changed = make(chan struct{})
}

// Flush has everything up to seq archived now, and waits until it is, or until
// ctx ends, with its error. It returns how far the archive is.
func (a *Archiver) Flush(ctx context.Context, seq uint64) (State, error) {
	a.mu.Lock()
	a.wanted = max(a.wanted, seq)
	a.mu.Unlock()
	select {
	case a.asked <- struct{}{}:
	default:
	}
	for {
		a.mu.Lock()
		state, changed := a.state, a.changed
		a.mu.Unlock()
		if state.Archived >= seq {
			return state, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state, ctx.Err()
		}
	}
}

// Run archives until ctx ends, and returns its error.
func (a *Archiver) Run(ctx context.Context) error {
	pause := firstPause
	for {
		wait := firstPause
		if a.cfg.Leads() {
			before := a.State().Archived
			err := a.ship(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if a.State().Archived > before {
				pause = firstPause
			}
			if err != nil {
				wait, pause = pause, min(2*pause, longPause)
				a.cfg.Log.Error().Err(err).Dur("again_in", wait).Msg("the log is not being archived")
			}
			a.update(func(s *State) { s.fail(err) })
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// fail notes that archiving ended: by an error, or because another node leads.
func (s *State) fail(err error) {
	s.Active, s.Pending, s.Since = false, 0, time.Time{}
	if err != nil {
		s.Failures++
		s.Error = err.Error()
	}
}
