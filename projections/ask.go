package projections

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
)

// described plans every query with its parameters known, which partial
// indexes need, and keeps no prepared statement of a dropped generation.
const described = pgx.QueryExecModeCacheDescribe

// The patience of queries.
const (
	acquireLimit = 2 * time.Second // for a connection
	queryLimit   = 20 * time.Second
	waitLimit    = 5 * time.Second // for Query.After
)

// pointer is the generation that answers a query, and how far it is.
type pointer struct {
	generation int
	schema     string
	seq, lag   uint64
}

// ask runs a query against the live generation of the named read model, after
// it has reached the event after, or after a limit.
func (p *Projections) ask(ctx context.Context, name string, after uint64, query func(context.Context, querier, pointer) error) (pointer, error) {
	d, err := p.definition(name)
	if err != nil {
		return pointer{}, err
	}
	if !p.prepared.Load() {
		return pointer{}, p.reachable(errDown)
	}
	if seq, ok := asOf(ctx); ok {
		return p.askPast(ctx, d, seq, query)
	}
	p.view.wait(ctx, d, after)
	var at pointer
	for range 3 { // a generation dropped meanwhile, a connection that Postgres closed
		at, err = p.try(ctx, func(ctx context.Context, q rower) (pointer, error) { return p.point(ctx, q, d) }, query)
		if err == nil || ctx.Err() != nil || !p.worthRetrying(err) {
			break
		}
	}
	if after > at.seq {
		at.lag = max(at.lag, after-at.seq)
	}
	return at, p.reachable(err)
}

// worthRetrying reports whether a second attempt finds another generation or
// another connection.
func (p *Projections) worthRetrying(err error) bool {
	var told *domain.Error
	if errors.As(err, &told) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	return isGone(err) || domain.KindOf(p.reachable(err)) == domain.Unavailable
}

// try runs a query against the generation that point gives, once.
func (p *Projections) try(ctx context.Context, point func(context.Context, rower) (pointer, error), query func(context.Context, querier, pointer) error) (pointer, error) {
	patience, cancel := context.WithTimeout(ctx, acquireLimit)
	defer cancel()
	c, err := p.cfg.Pool.Acquire(patience)
	if err != nil {
		return pointer{}, err
	}
	defer c.Release()
	ctx, stop := context.WithTimeout(ctx, queryLimit)
	defer stop()
	at, err := point(ctx, c)
	if err != nil {
		return at, err
	}
	return at, query(ctx, c, at)
}

// rower is what reads a single row.
type rower interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// point finds the live generation of d. Rows read after it are at least as
// new as its sequence.
func (p *Projections) point(ctx context.Context, q rower, d definition) (pointer, error) {
	if seq, ok := asOf(ctx); ok {
		return p.pointPast(ctx, d, seq)
	}
	var at pointer
	var reason string
	var refused bool
	err := q.QueryRow(ctx, `SELECT l.generation, c.seq, c.error, c.refused OR (c.seq > 0 AND c.log_epoch <> $3) FROM projection_live l
		JOIN projection_checkpoint c ON c.name = l.name AND c.version = l.version AND c.generation = l.generation
		WHERE l.name = $1 AND l.version = $2`, d.name, d.version, p.cfg.Store.Epoch()).Scan(&at.generation, &at.seq, &reason, &refused)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return at, p.view.building(d.name)
	case err != nil:
		return at, err
	case refused && reason != "":
		return at, errRefused.Sayf("the read model %s cannot answer: %s", d.name, reason)
	case refused:
		return at, errRefused
	}
	at.schema = schemaOf(d, at.generation)
	if last := p.view.end(); last > at.seq {
		at.lag = last - at.seq
	}
	return at, nil
}
