package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// errReopen ends a live lane that is to read its checkpoints again.
var errReopen = errors.New("the live generations have changed")

// Run feeds the read models until ctx ends, and returns after the running
// transaction. One node at a time owns the live lane; the others wait for it.
// While Postgres cannot be reached Run tries again with growing pauses.
func (p *Projections) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	tasks.Go(func() { p.listen(ctx) })
	tasks.Go(func() { p.watch(ctx) })
	builds := &builds{p: p, running: map[string]bool{}}
	defer builds.wait()
	pause := 100 * time.Millisecond
	for down := false; ctx.Err() == nil; {
		begun := time.Now()
		err := p.own(ctx, builds)
		if ctx.Err() != nil {
			break
		}
		if time.Since(begun) > 10*time.Second {
			down, pause = false, 100*time.Millisecond
		}
		if !down {
			p.cfg.Log.Warn().Err(err).Msg("the projection lane stopped: trying again until it goes on")
		}
		down = true
		p.view.failed(reachable(err))
		if !rest(ctx, pause) {
			break
		}
		pause = min(2*pause, 5*time.Second)
	}
	return ctx.Err()
}

// own waits for the right to the live lane and runs it. The lane's session
// holds the right: both end together.
func (p *Projections) own(ctx context.Context, b *builds) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	c, err := p.connect(ctx, "lane")
	if err != nil {
		return err
	}
	defer disconnect(c)
	if err := acquire(ctx, c); err != nil {
		return err
	}
	p.cfg.Log.Info().Msg("this node feeds the read models")
	p.view.owns(true)
	defer p.view.owns(false)
	for {
		err := p.serve(ctx, c, b)
		again := errors.Is(err, errReopen) || errors.Is(err, errFenced) || errors.Is(err, errTooManyParked)
		if !again || ctx.Err() != nil || c.IsClosed() {
			return err
		}
	}
}

// acquire waits until no other session has the live lane.
func acquire(ctx context.Context, c *pgx.Conn) error {
	for {
		var mine bool
		if err := c.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(liveLock)).Scan(&mine); err != nil {
			return fmt.Errorf("ask for the live lane: %w", err)
		}
		if mine {
			return nil
		}
		if !rest(ctx, 250*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// serve runs the live lane on the generations that are live now.
func (p *Projections) serve(run context.Context, c *pgx.Conn, b *builds) error {
	ctx, cancel := context.WithCancelCause(run)
	defer cancel(nil)
	p.mu.Lock()
	p.reopen = cancel
	p.mu.Unlock()

	l := &lane{store: p.cfg.Store, log: p.cfg.Log, conn: c, max: p.cfg.BatchMax, live: true, name: "projections", asked: func() { b.requested(run) }}
	for _, d := range p.defs {
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
	b.requested(run)
	p.view.working()
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

// reopenLane makes a running live lane look at its generations again.
func (p *Projections) reopenLane() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reopen != nil {
		p.reopen(errReopen)
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
