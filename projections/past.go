package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
)

var errPast = &domain.Error{Kind: domain.Unavailable, Code: "past_building", Message: "the past is being built"}

type asOfKey struct{}

// AsOf returns a context whose queries are answered from the read models as
// they were after the event seq. The first query of each read model has it
// built from the log, which takes as long as a rebuild up to there: until it
// is done, queries are Unavailable with code past_building and say how far it
// is. It is kept while it is asked, and ten minutes longer.
func AsOf(ctx context.Context, seq uint64) context.Context {
	return context.WithValue(ctx, asOfKey{}, seq)
}

func asOf(ctx context.Context) (uint64, bool) {
	seq, ok := ctx.Value(asOfKey{}).(uint64)
	return seq, ok
}

// askPast is ask for what was.
func (p *Projections) askPast(ctx context.Context, d definition, seq uint64, query func(context.Context, querier, pointer) error) (pointer, error) {
	for {
		at, err := p.pointPast(ctx, d, seq) // before a connection is taken
		if err != nil {
			return at, err
		}
		at, err = p.try(ctx, func(context.Context, rower) (pointer, error) { return at, nil }, query)
		if !isGone(err) {
			return at, p.reachable(err)
		}
		p.past.forget(pastKey{d.name, seq}) // somebody dropped it
	}
}

func (p *Projections) pointPast(ctx context.Context, d definition, seq uint64) (pointer, error) {
	v, err := p.past.await(ctx, pastKey{d.name, seq})
	if err != nil {
		return pointer{}, err
	}
	return pointer{generation: v.generation, schema: schemaOf(d, v.generation), seq: seq}, nil
}

// buildPast makes one view of the past. It fails with errBusy while the read
// model is being rebuilt.
func (p *Projections) buildPast(ctx context.Context, k pastKey, progress func(Progress)) (int, error) {
	d, err := p.definition(k.name)
	if err != nil {
		return 0, err
	}
	b, err := p.newBuilder(ctx, []definition{d}, progress, true, k.seq)
	if err != nil {
		return 0, err
	}
	defer b.close(ctx)
	if err := b.fill(ctx, func(context.Context) (uint64, error) { return k.seq, nil }); err != nil {
		return 0, err
	}
	if err := b.finish(ctx); err != nil {
		return 0, err
	}
	b.done = true // it stays
	p.cfg.Log.Info().Str("projection", k.name).Uint64("seq", k.seq).Dur("took", time.Since(b.begun)).Msg("the past is built")
	return b.lane.members[0].generation, nil
}

// tendPasts tells other nodes which views of the past are in use here, and
// drops those that no node uses: those of this node, and those of one that
// stopped without a word.
func (p *Projections) tendPasts(ctx context.Context, used, unused map[pastKey]int) error {
	return pgx.BeginFunc(ctx, p.cfg.Pool, func(tx pgx.Tx) error {
		for k, generation := range used {
			if _, err := tx.Exec(ctx, `UPDATE projection_checkpoint SET updated_at = now() WHERE name = $1 AND generation = $2 AND as_of = $3`,
				k.name, generation, int64(k.seq)); err != nil { //nolint:gosec // as every sequence
				return err
			}
		}
		for k, generation := range unused {
			if _, err := tx.Exec(ctx, `UPDATE projection_checkpoint SET updated_at = '-infinity' WHERE name = $1 AND generation = $2 AND as_of = $3`,
				k.name, generation, int64(k.seq)); err != nil { //nolint:gosec // as every sequence
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT name, version, generation FROM projection_checkpoint
			WHERE as_of > 0 AND updated_at < now() - make_interval(secs => $1) FOR UPDATE SKIP LOCKED`, abandoned.Seconds())
		if err != nil {
			return err
		}
		type dropped struct {
			Name                string
			Version, Generation int
		}
		old, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dropped])
		if err != nil {
			return fmt.Errorf("read abandoned views of the past: %w", err)
		}
		for _, o := range old {
			if err := dropGeneration(ctx, tx, definition{name: o.Name, version: o.Version}, o.Generation); err != nil {
				return err
			}
		}
		return nil
	})
}
