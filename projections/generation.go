package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// newGeneration makes the schema, the tables and the checkpoint of a new
// generation of d. It drops what is left of unfinished ones, and, unless
// keep, the one that was live before. Versions older than the last are
// dropped, too; those that show the past are not. asOf is the event at which
// the new one is to stand still, or 0.
func newGeneration(ctx context.Context, tx pgx.Tx, d definition, logEpoch string, keep bool, asOf uint64) (int, error) {
	rows, err := tx.Query(ctx, `SELECT c.version, c.generation FROM projection_checkpoint c
		LEFT JOIN projection_live l ON l.name = c.name AND l.version = c.version
		WHERE c.name = $1 AND (c.version < $2 - 1 OR c.version = $2 AND c.as_of = 0 AND c.generation IS DISTINCT FROM l.generation
			AND NOT ($3 AND c.generation IS NOT DISTINCT FROM l.previous))`, d.name, d.version, keep)
	if err != nil {
		return 0, err
	}
	type unused struct{ Version, Generation int }
	old, err := pgx.CollectRows(rows, pgx.RowToStructByPos[unused])
	if err != nil {
		return 0, fmt.Errorf("read old generations: %w", err)
	}
	var next int
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(generation), 0) + 1 FROM projection_checkpoint WHERE name = $1 AND version = $2`,
		d.name, d.version).Scan(&next); err != nil {
		return 0, err
	}
	for _, u := range old {
		if err := dropGeneration(ctx, tx, definition{name: d.name, version: u.Version}, u.Generation); err != nil {
			return 0, err
		}
	}
	if err := d.create(ctx, tx, schemaOf(d, next)); err != nil {
		return 0, fmt.Errorf("create %s: %w", schemaOf(d, next), err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO projection_checkpoint (name, version, generation, log_epoch, seq, event_id, owner_epoch, as_of)
		VALUES ($1, $2, $3, $4, 0, '', 1, $5)`, d.name, d.version, next, logEpoch, int64(asOf)) //nolint:gosec // as every sequence
	return next, err
}

// dropGeneration removes every trace of a generation.
func dropGeneration(ctx context.Context, tx pgx.Tx, d definition, generation int) error {
	var b pgx.Batch
	b.Queue("DROP SCHEMA IF EXISTS " + schemaOf(d, generation) + " CASCADE")
	for _, t := range []string{"projection_checkpoint", "projection_parked"} {
		b.Queue("DELETE FROM "+t+" WHERE name = $1 AND version = $2 AND generation = $3", d.name, d.version, generation)
	}
	b.Queue(`UPDATE projection_live SET previous = NULL WHERE name = $1 AND version = $2 AND previous = $3`, d.name, d.version, generation)
	if err := send(ctx, tx, &b); err != nil {
		return fmt.Errorf("drop %s: %w", schemaOf(d, generation), err)
	}
	return nil
}

// makeLive lets queries read generation. The lane that fed the one before is
// fenced and opens again on the new one.
func makeLive(ctx context.Context, tx pgx.Tx, d definition, generation int) error {
	var b pgx.Batch
	b.Queue(`INSERT INTO projection_live AS l (name, version, generation) VALUES ($1, $2, $3)
		ON CONFLICT (name, version) DO UPDATE SET previous = l.generation, generation = excluded.generation, rebuild_requested = false`,
		d.name, d.version, generation)
	b.Queue(`UPDATE projection_checkpoint SET owner_epoch = owner_epoch + 1 WHERE name = $1 AND version = $2 AND as_of = 0`, d.name, d.version)
	b.Queue(`SELECT pg_notify('projection', 'live')`)
	return send(ctx, tx, &b)
}
