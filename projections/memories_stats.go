package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// EmbeddingModel is a model that makes vectors of items.
type EmbeddingModel struct {
	Model      string
	Dimensions int
	Active     bool  // searches use it
	Vectors    int64 // live items within the scopes that it has embedded
}

// MemoryCount is how many items there are of a kind and status.
type MemoryCount struct {
	Kind, Status string
	Items        int64
}

// MemoryStats sums up the memories of a tenant.
type MemoryStats struct {
	Items     []MemoryCount
	Documents int
	Tokens    int64 // that models have read
	Models    []EmbeddingModel
	Seq       uint64
	Lag       uint64
}

// MemoryStats sums up what a reader may see of a tenant's memories. Tokens are
// those of the whole tenant.
func (p *Projections) MemoryStats(ctx context.Context, tenant string, scopes Scopes, after uint64) (MemoryStats, error) {
	var out MemoryStats
	at, err := p.ask(ctx, "memories", after, func(ctx context.Context, db querier, at pointer) error {
		out = MemoryStats{}
		c := where(tenant)
		c.within(scopes)
		var b pgx.Batch
		b.Queue(in(at.schema, fmt.Sprintf(`SELECT kind, status, count(*) FROM {s}.memory t WHERE %s GROUP BY kind, status ORDER BY kind, status`, c)), c.args...).Query(func(rows pgx.Rows) (err error) {
			out.Items, err = pgx.CollectRows(rows, pgx.RowToStructByPos[MemoryCount])
			return err
		})
		b.Queue(in(at.schema, `SELECT coalesce(sum(tokens), 0)::bigint FROM {s}.memory WHERE tenant = $1`), tenant).QueryRow(func(row pgx.Row) error { return row.Scan(&out.Tokens) })
		b.Queue(in(at.schema, fmt.Sprintf(`SELECT m.model, m.dimensions, m.active, (SELECT count(*) FROM {s}.vector v
				JOIN {s}.memory t ON t.tenant = v.tenant AND t.id = v.id WHERE v.model = m.model AND v.live AND %s)
			FROM {s}.model m ORDER BY m.model`, c)), c.args...).Query(func(rows pgx.Rows) (err error) {
			out.Models, err = pgx.CollectRows(rows, pgx.RowToStructByPos[EmbeddingModel])
			return err
		})
		return send(ctx, db, &b)
	})
	if err != nil {
		return MemoryStats{}, err
	}
	out.Seq, out.Lag = at.seq, at.lag
	out.Documents, err = p.countDocuments(ctx, tenant, scopes)
	return out, err
}

// ActiveModel returns the model that searches use; an empty name before there
// is one.
func (p *Projections) ActiveModel(ctx context.Context) (EmbeddingModel, error) {
	var m EmbeddingModel
	_, err := p.ask(ctx, "memories", 0, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, `SELECT model, dimensions FROM {s}.model WHERE active`), described)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, []any{&m.Model, &m.Dimensions}, func() error { return nil })
		m.Active = m.Model != ""
		return err
	})
	return m, err
}

// MemoryVector returns what a model made of an item within the scopes. It
// fails with memory.ErrNotFound; the vector is empty when there is none yet.
func (p *Projections) MemoryVector(ctx context.Context, tenant string, scopes Scopes, id, model string, after uint64) (memory.Vector, error) {
	m, err := p.Memory(ctx, tenant, scopes, id, after)
	if err != nil {
		return nil, err
	}
	var v pgvector.HalfVector
	_, err = p.ask(ctx, "memories", 0, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, `SELECT embedding::text FROM {s}.vector WHERE tenant = $1 AND id = $2 AND model = $3`), described, tenant, m.ID, model)
		if err != nil {
			return err
		}
		var text string
		_, err = pgx.ForEachRow(rows, []any{&text}, func() error { return v.Parse(text) })
		return err
	})
	return v.Slice(), err
}

// Nearest returns the live item that is closest to a vector and not newer than
// an item, among those of its scope, kind and subject; false when there is none.
func (p *Projections) Nearest(ctx context.Context, tenant string, of memory.Item, model string, v memory.Vector, after uint64) (id string, distance float64, found bool, err error) {
	r, err := p.Recall(ctx, tenant, Recall{
		Vector: v, Model: model, Limit: 1, After: after, Not: of.ID, Scopes: Scopes{of.Scope},
		Filter: fmt.Sprintf("kind:%s subject:%s remembered<=%s", of.Kind, quote(of.Subject), of.RememberedAt.Format(time.RFC3339Nano)),
	})
	if err != nil || len(r.Hits) == 0 {
		return "", 0, false, err
	}
	h := r.Hits[0]
	return h.ID, h.Distance, h.Meaning > 0, nil
}

// quote writes a value of a filter.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
