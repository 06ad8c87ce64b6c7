package projections

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// watch looks at everything once a second: the slow way for what the
// listener may have missed, and the watchdog of stalls.
func (p *Projections) watch(ctx context.Context) {
	for {
		if p.isPrepared() {
			if err := p.look(ctx); err != nil && ctx.Err() == nil {
				p.view.lost(reachable(err))
			}
		}
		if !rest(ctx, time.Second) {
			return
		}
	}
}

// listen takes in notifications of moved checkpoints, on one connection of
// its own.
func (p *Projections) listen(ctx context.Context) {
	for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 5*time.Second) {
		begun := time.Now()
		err := p.hear(ctx)
		if time.Since(begun) > 10*time.Second {
			pause = 100 * time.Millisecond
		}
		if ctx.Err() == nil {
			p.view.lost(reachable(err))
		}
		p.cfg.Log.Debug().Err(err).Msg("listener ended: connecting again")
		if !rest(ctx, pause) {
			return
		}
	}
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
		p.reopenLane()
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
