package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/eventstore"
)

// watch looks at everything once a second: the slow way for what the
// listener may have missed, the watchdog of stalls, and what notices that
// Postgres is back.
func (p *Projections) watch(ctx context.Context) {
	for {
		err := p.glance(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, eventstore.ErrUnavailable) {
			p.view.lost(p.reachable(err))
		}
		if !rest(ctx, time.Second) {
			return
		}
	}
}

// glance looks at the read models, or, before there are any, whether Postgres
// answers.
func (p *Projections) glance(ctx context.Context) error {
	if p.prepared.Load() {
		return p.look(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, acquireLimit)
	defer cancel()
	if err := p.cfg.Pool.Ping(ctx); err != nil {
		return err
	}
	p.view.reachable()
	return nil
}

// listen takes in notifications of moved checkpoints, on one connection of
// its own.
func (p *Projections) listen(ctx context.Context) {
	p.persist(ctx, p.hear, func(err error, _, pause time.Duration) {
		p.view.lost(p.reachable(err))
		p.cfg.Log.Debug().Err(err).Dur("pause", pause).Msg("listener ended: connecting again")
	})
}

func (p *Projections) hear(ctx context.Context) error {
	c, err := p.connect(ctx, "listen")
	if err != nil {
		return err
	}
	defer disconnect(c)
	if _, err := c.Exec(ctx, "LISTEN projection"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for {
		if err := p.heard(ctx, c); err != nil {
			return err
		}
	}
}

func (p *Projections) heard(ctx context.Context, c *pgx.Conn) error {
	n, err := c.WaitForNotification(ctx)
	if err != nil {
		return err
	}
	if n.Payload == "live" {
		p.reopenLanes()
		return p.look(ctx)
	}
	f := strings.Split(n.Payload, ":")
	if len(f) != 4 {
		return nil
	}
	version, _ := strconv.Atoi(f[1])    // what is no number matches nothing
	generation, _ := strconv.Atoi(f[2]) //
	seq, _ := strconv.ParseUint(f[3], 10, 64)
	if d, err := p.definition(f[0]); err == nil && d.version == version {
		p.view.reached(d.name, generation, seq)
	}
	return nil
}
