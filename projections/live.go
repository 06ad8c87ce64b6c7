package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// errReopen ends a live lane that is to read its checkpoints again.
var errReopen = errors.New("the live generations have changed")

// Run feeds the read models until ctx ends, and returns after the running
// transactions. One node at a time owns a live lane; the others wait for it.
// While Postgres cannot be reached Run tries again with growing pauses, and at
// once when it is back.
func (p *Projections) Run(ctx context.Context) error {
	b := &builds{p: p, running: map[string]bool{}}
	defer b.wait()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	tasks.Go(func() { p.listen(ctx) })
	tasks.Go(func() { p.watch(ctx) })
	tasks.Go(func() { p.past.run(ctx, p) })
	for _, f := range p.feeders(b) {
		tasks.Go(func() { p.persist(ctx, f.own, f.failed) })
	}
	tasks.Wait()
	return ctx.Err()
}

// feeder is this node's part in feeding the read models of one lane. Its
// fields are used by the one goroutine of the lane.
type feeder struct {
	p       *Projections
	builds  *builds
	name    string
	lock    int64
	defs    []definition
	owner   bool // no other node has had the lane since this one was told to
	stopped bool // the lane stopped, and has not gone on since
}

// feeders returns one feeder a lane: those read models whose rows are slow to
// write have a lane of their own, so that the others do not lag behind them.
func (p *Projections) feeders(b *builds) []*feeder {
	all := []*feeder{
		{p: p, builds: b, name: "lane", lock: liveLock},
		{p: p, builds: b, name: "lane-heavy", lock: liveLock + 1},
	}
	for _, d := range p.defs {
		all[d.lane()].defs = append(all[d.lane()].defs, d)
	}
	return slices.DeleteFunc(all, func(f *feeder) bool { return len(f.defs) == 0 })
}

// failed takes in that the lane stopped.
func (f *feeder) failed(err error, lasted, pause time.Duration) {
	log := f.p.cfg.Log.With().Str("lane", f.name).Logger()
	if lasted > steady {
		f.stopped = false
	}
	if !f.stopped {
		log.Warn().Err(err).Msg("the projection lane stopped: trying again until it goes on")
	}
	f.stopped = true
	log.Debug().Err(err).Dur("pause", pause).Msg("the projection lane does not go on yet")
	f.p.view.failed(f.name, f.p.reachable(err))
}

// moved takes in that the lane has committed.
func (f *feeder) moved(seq uint64) {
	if f.stopped {
		f.p.cfg.Log.Info().Str("lane", f.name).Uint64("seq", seq).Msg("the projection lane goes on")
	}
	f.stopped = false
}

// own waits for the right to the live lane and runs it. The lane's session
// holds the right: both end together.
func (f *feeder) own(ctx context.Context) error {
	p := f.p
	if err := p.prepare(ctx); err != nil {
		return err
	}
	c, err := p.connect(ctx, f.name)
	if err != nil {
		return err
	}
	defer disconnect(c)
	if err := f.acquire(ctx, c); err != nil {
		return err
	}
	p.view.owns(1)
	defer p.view.owns(-1)
	for {
		err := f.serve(ctx, c)
		again := errors.Is(err, errReopen) || errors.Is(err, errFenced) || errors.Is(err, errTooManyParked)
		if !again || ctx.Err() != nil || c.IsClosed() {
			return err
		}
	}
}

// acquire waits until no other session has the live lane.
func (f *feeder) acquire(ctx context.Context, c *pgx.Conn) error {
	for {
		var mine bool
		if err := c.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, f.lock).Scan(&mine); err != nil {
			return fmt.Errorf("ask for the live lane: %w", err)
		}
		if mine {
			break
		}
		f.owner = false
		if !rest(ctx, 250*time.Millisecond) {
			return ctx.Err()
		}
	}
	if !f.owner {
		f.p.cfg.Log.Info().Str("lane", f.name).Msg("this node feeds the read models")
	}
	f.owner = true
	return nil
}

// serve runs the live lane on the generations that are live now.
func (f *feeder) serve(run context.Context, c *pgx.Conn) error {
	p, b := f.p, f.builds
	ctx, cancel := context.WithCancelCause(run)
	defer cancel(nil)
	p.mu.Lock()
	p.reopen[f.name] = cancel
	p.mu.Unlock()

	l := &lane{
		store: p.cfg.Store, log: p.cfg.Log, conn: c, max: p.cfg.BatchMax, live: true, name: f.name,
		moved: f.moved, hurry: p.view.hurry[f.defs[0].lane()], asked: func() { b.requested(run, f.defs) },
	}
	for _, d := range f.defs {
		m, missing, err := p.takeOver(run, c, d)
		if err != nil {
			return err
		}
		if missing {
			b.start(run, d)
		}
		if m != nil {
			l.members = append(l.members, m)
		}
	}
	if err := l.tend(run, nil); err != nil {
		return err
	}
	b.requested(run, f.defs)
	p.view.working(f.name)
	var err error
	if len(l.members) == 0 {
		<-ctx.Done()
	} else {
		err = l.run(ctx, 0)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// reopenLanes makes running live lanes look at their generations again.
func (p *Projections) reopenLanes() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, reopen := range p.reopen {
		reopen(errReopen)
	}
}
