package projections

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/migrations"
)

// prepare makes the database fit for use. It may be called again, and by
// several nodes at once; queries are Unavailable meanwhile.
func (p *Projections) prepare(ctx context.Context) error {
	if p.prepared.Load() {
		return nil
	}
	ping, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := p.cfg.Pool.Ping(ping); err != nil {
		return p.reachable(err)
	}
	db := stdlib.OpenDBFromPool(p.cfg.Pool)
	defer db.Close() // closes the adapter, not the pool
	if _, err := migrations.Up(ctx, db); err != nil {
		return p.reachable(err)
	}
	if err := p.checkVector(ctx); err != nil {
		return p.reachable(err)
	}
	for _, d := range p.defs {
		if err := p.begin(ctx, d); err != nil {
			return p.reachable(fmt.Errorf("prepare %s: %w", d.name, err))
		}
	}
	p.prepared.Store(true)
	return nil
}

// begin makes the first generation of d at once when the log is empty. With
// events in it, Run builds the generation.
func (p *Projections) begin(ctx context.Context, d definition) error {
	last, err := p.cfg.Store.LastSeq(ctx)
	if err != nil || last > 0 {
		return err
	}
	return pgx.BeginFunc(ctx, p.cfg.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(rebuildLock)); err != nil {
			return err
		}
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM projection_checkpoint WHERE name = $1 AND version = $2)`,
			d.name, d.version).Scan(&known); err != nil || known {
			return err
		}
		generation, err := newGeneration(ctx, tx, d, p.cfg.Store.Epoch(), false, 0)
		if err != nil {
			return err
		}
		if err := d.finish(ctx, tx.Conn(), schemaOf(d, generation)); err != nil {
			return err
		}
		return makeLive(ctx, tx, d, generation)
	})
}

// checkVector refuses a pgvector without halfvec and warns of known defects.
func (p *Projections) checkVector(ctx context.Context) error {
	var version string
	err := p.cfg.Pool.QueryRow(ctx, `SELECT extversion FROM pg_extension WHERE extname = 'vector'`).Scan(&version)
	if err != nil {
		if _, err := p.cfg.Pool.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS vector`); err != nil {
			return fmt.Errorf("create extension vector (pgvector must be installed on the server): %w", err)
		}
		if err := p.cfg.Pool.QueryRow(ctx, `SELECT extversion FROM pg_extension WHERE extname = 'vector'`).Scan(&version); err != nil {
			return fmt.Errorf("read version of extension vector: %w", err)
		}
	}
	switch n := versionNumber(version); {
	case n < 7_000:
		return &domain.Error{
			Kind: domain.Invalid, Code: "pgvector_too_old",
			Message: fmt.Sprintf("pgvector %s on the server is too old: 0.7.0 or newer is needed (halfvec)", version),
		}
	case n < 8_004:
		p.cfg.Log.Warn().Str("version", version).Msg("pgvector has known defects (CVE-2026-3172 before 0.8.2, index damage by vacuum before 0.8.4): update it")
	}
	return nil
}

// versionNumber makes 0.8.4 into 8004; what is no number counts as 0.
func versionNumber(s string) int {
	parts := strings.Split(s+".0.0.0", ".")
	n := 0
	for _, part := range parts[:3] {
		v, _ := strconv.Atoi(part)
		n = n*1000 + v
	}
	return n
}
