package workers

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	tickEvery    = 50 * time.Millisecond
	drainTimeout = 3 * time.Second
	tailBatch    = 1_000
)

var errStopped = &domain.Error{Kind: domain.Unavailable, Code: "coordinator_stopped", Message: "the coordinator of this node is not running; ask another node"}

// Coordinator keeps this node's view of tasks and agents and, while it leads,
// acts on it. Its methods may be called from any goroutine.
type Coordinator struct {
	cfg       Config
	health    atomic.Pointer[Health]
	artifacts *eventstore.ArtifactCollector // made by Run
	collected atomic.Uint64

	batches   chan []eventstore.Record
	leases    chan lease
	queries   chan func()
	ready     chan struct{} // closed when the log as it was at the start has been folded
	stopped   chan struct{}
	results   *mailbox[result]
	histories *mailbox[history]
	histLoads *mailbox[*work]
	hintLoads *mailbox[load]
	beats     beats

	// The loop alone touches what follows.
	fleet       *fleet
	live        liveness
	lease       lease
	acting      bool // this node leads and its fold is complete
	inFlight    int
	pausedUntil time.Time // the log had no room or did not answer
	lastTick    time.Time
	startEnd    uint64 // of the log at the start
	caughtUp    bool
	count       Counters
}

// New returns a coordinator that does nothing until Run.
func New(cfg Config) *Coordinator {
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ArtifactAge == 0 {
		cfg.ArtifactAge = 24 * time.Hour
	}
	if cfg.ArtifactSweep == 0 {
		cfg.ArtifactSweep = time.Hour
	}
	c := &Coordinator{
		cfg: cfg, batches: make(chan []eventstore.Record), leases: make(chan lease), queries: make(chan func()),
		ready: make(chan struct{}), stopped: make(chan struct{}), results: newMailbox[result](), histories: newMailbox[history](),
		histLoads: newMailbox[*work](), hintLoads: newMailbox[load](),
		fleet: newFleet(), live: liveness{window: missedBeats * cfg.Heartbeat},
	}
	c.health.Store(&Health{})
	return c
}

// Run folds the log and coordinates whenever this node leads. It returns when
// ctx has ended, every effect has landed and the lease has been given back:
// nil then, or the error that broke the tail. It may be called once.
func (c *Coordinator) Run(ctx context.Context) error {
	end, err := c.cfg.Store.LastSeq(ctx)
	if err != nil {
		return fmt.Errorf("find the end of the log: %w", err)
	}
	bucket, err := c.cfg.Leases.Status(ctx)
	if err != nil {
		return fmt.Errorf("read the lease bucket: %w", err)
	}
	c.startEnd, c.lastTick = end, c.cfg.Now()
	c.artifacts = c.cfg.Store.NewArtifactCollector(c.cfg.ArtifactAge)
	g, ctx := errgroup.WithContext(ctx)
	leading, resign := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return c.follow(ctx) })
	g.Go(func() error { c.runLoads(ctx); return nil })
	g.Go(func() error { c.collect(ctx); return nil })
	g.Go(func() error {
		defer resign()
		defer close(c.stopped)
		c.loop(ctx)
		return nil
	})
	g.Go(func() error {
		l := leadership{
			kv: c.cfg.Leases, me: claim{Node: c.cfg.Node, Run: uuid.NewString()}, ttl: bucket.TTL(),
			now: c.cfg.Now, end: c.cfg.Store.LastSeq, ready: c.ready, out: c.leases, log: c.cfg.Log,
		}
		l.run(leading)
		return nil
	})
	return g.Wait()
}

// follow brings the tail of the log to the loop.
func (c *Coordinator) follow(ctx context.Context) error {
	opt := eventstore.TailOptions{MaxBatch: tailBatch, Name: "workers"}
	err := c.cfg.Store.Tail(ctx, 0, opt, func(rs []eventstore.Record) error {
		c.cfg.Commands.Observe(rs)
		c.artifacts.Fold(rs)
		select {
		case c.batches <- rs:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("tail the log: %w", err)
}

// loop owns all state until ctx ends and its effects have landed.
func (c *Coordinator) loop(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	done := ctx.Done()
	var giveUp <-chan time.Time
	for {
		select {
		case rs := <-c.batches:
			c.foldBatch(rs, c.cfg.Now())
		case <-c.results.wake:
			c.settle(c.cfg.Now())
		case <-c.histories.wake:
			c.install(c.cfg.Now())
		case l := <-c.leases:
			c.leaseSeen(l, c.cfg.Now())
		case q := <-c.queries:
			q()
		case <-tick.C:
			c.tick(c.cfg.Now())
		case <-done:
			done, giveUp = nil, time.After(drainTimeout)
			c.acting = false
			c.report()
		case <-giveUp:
			c.cfg.Log.Warn().Int("in_flight", c.inFlight).Msg("effects were still on their way when the coordinator stopped")
			return
		}
		if done == nil && c.inFlight == 0 {
			return
		}
		c.advance(c.cfg.Now(), done != nil)
	}
}

// settle takes in the outcomes of effects.
func (c *Coordinator) settle(now time.Time) {
	for _, r := range c.results.take() {
		c.landed(r, now)
	}
}

// advance does what can be done now.
func (c *Coordinator) advance(now time.Time, running bool) {
	lead := running && c.lease.holds(time.Now()) && (c.acting || c.fleet.complete(c.lease.end))
	switch {
	case lead && !c.acting:
		c.takeOver(now)
	case !lead && c.acting:
		c.acting = false
		c.report()
	}
	c.assign(now)
}

// mayAct reports whether this node may have effects at this moment.
func (c *Coordinator) mayAct() bool { return c.acting && c.lease.holds(time.Now()) }

// takeOver begins to act: everything is looked at at the next tick.
func (c *Coordinator) takeOver(now time.Time) {
	c.acting = true
	c.count.Takeovers++
	c.forgive(now)
	for _, w := range c.fleet.works {
		c.fleet.postpone(w, now)
	}
	c.report()
}

// forgive gives every lease and every agent a full term from now: this node
// has just begun to act, or may not have heard the agents.
func (c *Coordinator) forgive(now time.Time) {
	c.fleet.leasesFrom = now
	c.live.restart(now)
}
