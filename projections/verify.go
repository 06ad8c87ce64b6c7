package projections

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Verification is the outcome of comparing live tables with rebuilt ones.
type Verification struct {
	Projection string
	Equal      bool
	Seq        uint64 // at which both were compared
	Rows       int64  // of the live tables
	Live       string // hash of the live tables
	Rebuilt    string
	Difference string // the first table and key that differ
}

// Verify rebuilds the named read model beside the live one, compares both at
// the same sequence, and drops the copy again. Queries and the live lane go
// on, but for the moment in which both come to the same sequence. Errors are
// those of Rebuild, and Unavailable when there is no live generation.
func (p *Projections) Verify(ctx context.Context, name string, progress func(Progress)) (Verification, error) {
	d, err := p.definition(name)
	if err != nil {
		return Verification{}, err
	}
	at, err := p.ask(ctx, name, 0, func(context.Context, querier, pointer) error { return nil })
	if err != nil {
		return Verification{}, err
	}
	b, err := p.newBuilder(ctx, []definition{d}, progress, true, 0)
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", name, p.reachable(err))
	}
	defer b.close(ctx)
	if err := b.fill(ctx, func(context.Context) (uint64, error) { return at.seq, nil }); err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", name, p.reachable(err))
	}
	out, err := b.compare(ctx, d, schemaOf(d, at.generation))
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", name, p.reachable(err))
	}
	return out, nil
}

// compare takes a snapshot while both generations stand at one sequence, and
// hashes them in it.
func (b *builder) compare(ctx context.Context, d definition, live string) (Verification, error) {
	snapshot, err := b.p.cfg.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return Verification{}, err
	}
	defer snapshot.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it only reads
	if err := b.meet(ctx, func(pgx.Tx) error {
		_, err := snapshot.Exec(ctx, "SELECT 1") // the first statement takes the snapshot
		return err
	}); err != nil {
		return Verification{}, err
	}
	copied := b.lane.members[0].schema
	out := Verification{Projection: d.name, Seq: b.lane.seq(), Equal: true}
	for _, t := range d.tables {
		rows, one, err := hash(ctx, snapshot, live, t.name)
		if err != nil {
			return out, err
		}
		_, two, err := hash(ctx, snapshot, copied, t.name)
		if err != nil {
			return out, err
		}
		out.Rows += rows
		out.Live, out.Rebuilt = join(out.Live, one), join(out.Rebuilt, two)
		if one != two && out.Equal {
			out.Equal = false
			if out.Difference, err = difference(ctx, snapshot, t, live, copied); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "-" + b
}

// Hash returns a hash of the live tables of the named read model, and the
// sequence that they have reached. Equal rows give equal hashes in every
// generation.
func (p *Projections) Hash(ctx context.Context, name string) (string, uint64, error) {
	d, err := p.definition(name)
	if err != nil {
		return "", 0, err
	}
	tx, err := p.cfg.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return "", 0, p.reachable(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it only reads
	at, err := p.point(ctx, tx, d)
	if err != nil {
		return "", 0, p.reachable(err)
	}
	all := ""
	for _, t := range d.tables {
		_, one, err := hash(ctx, tx, at.schema, t.name)
		if err != nil {
			return "", 0, p.reachable(err)
		}
		all = join(all, one)
	}
	return all, at.seq, nil
}

// hash sums up the rows of a table, whatever their order.
func hash(ctx context.Context, tx pgx.Tx, schema, table string) (rows int64, sum string, err error) {
	err = tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), to_hex(count(*)) || '.' || to_hex(coalesce(bit_xor(hashtextextended(t::text, 0)), 0))
		|| '.' || to_hex(coalesce((sum(hashtextextended(t::text, 1)::numeric) %% 9223372036854775807), 0)::bigint)
		FROM %s.%s t`, schema, table)).Scan(&rows, &sum)
	if err != nil {
		return 0, "", fmt.Errorf("hash %s.%s: %w", schema, table, err)
	}
	return rows, sum, nil
}

// difference names the lowest key whose rows differ.
func difference(ctx context.Context, tx pgx.Tx, t table, live, copied string) (string, error) {
	side := func(schema string) string {
		return fmt.Sprintf("(SELECT concat_ws('/', %s) AS k, t::text AS r FROM %s.%s t)", t.key, schema, t.name)
	}
	var key, one, two string
	err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT coalesce(a.k, b.k), coalesce(a.r, 'none'), coalesce(b.r, 'none') FROM %s a FULL JOIN %s b ON a.k = b.k
		WHERE a.r IS DISTINCT FROM b.r ORDER BY 1 LIMIT 1`, side(live), side(copied))).Scan(&key, &one, &two)
	if err != nil {
		return "", fmt.Errorf("find the difference in %s: %w", t.name, err)
	}
	return strings.Join([]string{"table " + t.name + ", key " + key, "live " + one, "rebuilt " + two}, "; "), nil
}
