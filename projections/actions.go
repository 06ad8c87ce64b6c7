package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/projection"
)

// act carries out an operator's request at its place in the log, so that a
// rebuild does the same at the same place.
func (l *lane) act(ctx context.Context, tx pgx.Tx, m *member, it *item) error {
	switch a := it.action.(type) {
	case projection.RetryRequested:
		if a.Projection == m.def.name {
			return l.retry(ctx, tx, m, a.Key)
		}
	case projection.SkipRequested:
		if a.Projection == m.def.name {
			return l.skip(ctx, tx, m, a)
		}
	case projection.RebuildRequested:
		if a.Projection == m.def.name && l.live {
			_, err := tx.Exec(ctx, `UPDATE projection_live SET rebuild_requested = true WHERE name = $1 AND version = $2`, m.def.name, m.def.version)
			return err
		}
	}
	return nil
}

// retry applies the parked events of key, and of the keys tied to it, in
// order: all of them or none.
func (l *lane) retry(ctx context.Context, tx pgx.Tx, m *member, key string) error {
	party := m.parked[key]
	if party == "" {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT seq FROM projection_parked
		WHERE name = $1 AND version = $2 AND generation = $3 AND party = $4 ORDER BY seq`,
		m.def.name, m.def.version, m.generation, party)
	if err != nil {
		return err
	}
	seqs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("read parked events of %s: %w", key, err)
	}
	todo := make([]*item, 0, len(seqs))
	for _, seq := range seqs {
		r, err := l.store.Get(ctx, uint64(seq))
		if err != nil {
			return fmt.Errorf("read parked event %d: %w", seq, err)
		}
		todo = append(todo, decode(r, slices.Contains(m.def.kinds, r.Entity.Kind)))
	}
	if err = m.all(ctx, tx, todo); isPoison(err) {
		return m.failedAgain(ctx, tx, party, err)
	}
	if err != nil {
		return err
	}
	return m.unpark(ctx, tx, party)
}

// all checks and applies todo, or nothing of it.
func (m *member) all(ctx context.Context, tx pgx.Tx, todo []*item) error {
	for _, it := range todo {
		if err := m.model.check(it); err != nil {
			return &poison{it.Seq, err}
		}
	}
	return m.attempt(ctx, tx, todo)
}

func (m *member) unpark(ctx context.Context, tx pgx.Tx, party string) error {
	for k, p := range m.parked {
		if p == party {
			delete(m.parked, k)
		}
	}
	_, err := tx.Exec(ctx, `DELETE FROM projection_parked WHERE name = $1 AND version = $2 AND generation = $3 AND party = $4`,
		m.def.name, m.def.version, m.generation, party)
	return err
}

// failedAgain notes another failed attempt at the event that err names, else
// at the first one.
func (m *member) failedAgain(ctx context.Context, tx pgx.Tx, party string, err error) error {
	var seq int64
	var p *poison
	if errors.As(err, &p) {
		seq = int64(p.seq)
	}
	_, dbErr := tx.Exec(ctx, `UPDATE projection_parked SET attempts = attempts + 1, last_at = now(), error = $6, behind = false
		WHERE name = $1 AND version = $2 AND generation = $3 AND party = $4 AND seq =
			CASE WHEN $5 > 0 THEN $5 ELSE (SELECT min(seq) FROM projection_parked
				WHERE name = $1 AND version = $2 AND generation = $3 AND party = $4 AND NOT behind) END`,
		m.def.name, m.def.version, m.generation, party, seq, clean(err.Error()))
	return dbErr
}

// skip gives one parked event up for good and tries those that are left.
func (l *lane) skip(ctx context.Context, tx pgx.Tx, m *member, a projection.SkipRequested) error {
	if m.parked[a.Key] == "" {
		return nil
	}
	tag, err := tx.Exec(ctx, `DELETE FROM projection_parked WHERE name = $1 AND version = $2 AND generation = $3 AND key = $4 AND seq = $5`,
		m.def.name, m.def.version, m.generation, a.Key, int64(a.Seq))
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	l.log.Warn().Str("projection", m.def.name).Str("key", a.Key).Uint64("seq", a.Seq).Str("reason", a.Reason).Msg("a parked event is skipped for good")
	return l.retry(ctx, tx, m, a.Key)
}
