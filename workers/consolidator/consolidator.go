// Package consolidator tidies what an agent remembers while it sleeps.
//
//	agent.slept ──► due ──► episodes, oldest first ──► a summary in their place
//	                    ──► what nobody has used for a month matters less
//
// The node that leads acts. A summary and the end of what it stands for are one
// decision, and its id comes from theirs: whatever stops the work in the
// middle, the next round goes on behind it. Nothing is lost: the items stay in
// the log and can be restored, and one that somebody corrected or restored is
// left alone from then on.
package consolidator

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers/follow"
)

const (
	idle      = time.Second // between looks when nothing comes
	firstWait = 2 * time.Second
	longWait  = 5 * time.Minute
)

// Summariser shortens texts.
type Summariser interface {
	// Name is written into summaries: a model's name, as domain.CheckModel has it.
	Name() string
	// Summarise returns what the texts say in at most size bytes, or less
	// than it could; an empty text says that there is nothing to say.
	Summarise(ctx context.Context, texts []string, size int) (string, error)
}

// Config is what a Consolidator needs.
type Config struct {
	Store      *eventstore.Store
	Commands   *commands.Service
	Reads      *projections.Projections
	Summariser Summariser
	Leads      func() bool // whether this node acts
	Now        func() time.Time
	Log        zerolog.Logger
}

// Consolidator tidies the memory of sleeping agents. Use New.
type Consolidator struct {
	cfg  Config
	wake chan struct{} // holds one: something is due

	mu  sync.Mutex
	due map[sleeper]uint64 // sequence of the event that put it to sleep
}

// sleeper is an agent that was put to sleep.
type sleeper struct{ tenant, id string }

// New returns a Consolidator that does nothing until Run.
func New(cfg Config) *Consolidator {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Consolidator{cfg: cfg, wake: make(chan struct{}, 1), due: map[sleeper]uint64{}}
}

// Run follows the log and tidies while this node leads, until ctx ends: nil
// then, or the error that broke the tail.
func (c *Consolidator) Run(ctx context.Context) error {
	return follow.Run(ctx, c.cfg.Store, "agent", "consolidator", c.fold, c.work)
}

// fold notes who sleeps. After a start all sleepers are due again; where there
// is nothing to do, that is one query each.
func (c *Consolidator) fold(rs []eventstore.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		s := sleeper{r.Entity.Tenant, r.Entity.ID}
		switch r.Type {
		case agent.Slept{}.Type():
			c.due[s] = r.Seq
		case agent.Woken{}.Type():
			delete(c.due, s)
		}
	}
	if len(c.due) > 0 {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// work tidies for one sleeper after the other whenever this node leads. One
// that fails waits, longer each time, and the others go first.
func (c *Consolidator) work(ctx context.Context) {
	waits := map[sleeper]time.Duration{}
	after := map[sleeper]time.Time{}
	for ctx.Err() == nil {
		s, seq, ok := c.next(after)
		if !ok || !c.cfg.Leads() {
			c.rest(ctx)
			continue
		}
		if err := c.tidy(ctx, s, seq); err != nil {
			if ctx.Err() == nil {
				waits[s] = min(max(firstWait, 2*waits[s]), longWait)
				after[s] = c.cfg.Now().Add(waits[s])
				c.cfg.Log.Warn().Err(err).Str("tenant", s.tenant).Str("agent", s.id).Dur("again_in", waits[s]).Msg("the memory of a sleeping agent is not tidied")
			}
			continue
		}
		delete(waits, s)
		delete(after, s)
		c.done(s, seq)
	}
}

// next is a sleeper whose time has come.
func (c *Consolidator) next(after map[sleeper]time.Time) (sleeper, uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	for s, seq := range c.due {
		if !now.Before(after[s]) {
			return s, seq, true
		}
	}
	return sleeper{}, 0, false
}

// done strikes a sleeper off, unless it was put to sleep once more.
func (c *Consolidator) done(s sleeper, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due[s] == seq {
		delete(c.due, s)
	}
}

func (c *Consolidator) rest(ctx context.Context) {
	t := time.NewTimer(idle)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-c.wake:
	}
}
