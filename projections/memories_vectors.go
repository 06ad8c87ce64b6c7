package projections

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/memory"
)

// The index of sketches. More links and a wider search while it is built make it
// find more, for more space and time (pgvector's defaults are 16 and 64).
const (
	hnswLinks   = 20
	hnswBuild   = 200
	indexMemory = "512MB" // while an index is built; a graph that does not fit is built many times slower
)

// vectorRow is what a model made of an item.
type vectorRow struct {
	model  string
	vector memory.Vector
}

const upsertVector = `INSERT INTO {s}.vector (tenant, id, model, live, embedding, sketch) VALUES ($1, $2, $3, $4, $5::halfvec, $6)
	ON CONFLICT (tenant, id, model) DO UPDATE SET live = excluded.live, embedding = excluded.embedding, sketch = excluded.sketch`

// flushVectors writes what follows for the vectors of an item. Those of items
// that are not live leave the index and stay in the table, for the day on
// which the item is restored.
func (r *memoryRow) flushVectors(b *pgx.Batch, schema string) {
	live := r.Status == memory.StatusLive
	if r.unembedded {
		b.Queue(in(schema, `DELETE FROM {s}.vector WHERE tenant = $1 AND id = $2`), r.tenant, r.id)
	}
	if r.moved != "" && !r.unembedded && live != (r.moved == memory.StatusLive) {
		b.Queue(in(schema, `UPDATE {s}.vector SET live = $3 WHERE tenant = $1 AND id = $2`), r.tenant, r.id, live)
	}
	for _, v := range r.reembedded {
		b.Queue(in(schema, upsertVector), r.tenant, r.id, v.model, live, pgvector.NewHalfVector(v.vector), sketch(v.vector))
	}
}

// modelChange is an event of the registry of embedding models.
type modelChange struct {
	event embedding.Event
	seq   uint64
}

func (c modelChange) flush(b *pgx.Batch, schema string) {
	switch e := c.event.(type) {
	case embedding.ModelAdded:
		b.Queue(in(schema, `INSERT INTO {s}.model (model, dimensions, active, seq) VALUES ($1, $2, false, $3) ON CONFLICT DO NOTHING`),
			e.Model, e.Dimensions, int64(c.seq))
	case embedding.ModelActivated:
		b.Queue(in(schema, `UPDATE {s}.model SET active = (model = $1), seq = $2 WHERE seq < $2`), e.Model, int64(c.seq))
	}
}

// tendVectors makes the index of each model's sketches: HNSW, only of items
// that are live (Malkov and Yashunin 2016, arXiv:1603.09320). A walk through
// sketches reads a quarter of the bytes that one through vectors of 512
// numbers does, and a longer list of what it finds makes up for their
// coarseness. A model that has just been added has no vectors yet, so
// that the live lane makes an empty index and fills it as they come; a rebuild
// makes it last, many times faster.
func tendVectors(ctx context.Context, c *pgx.Conn, schema string) error {
	rows, err := c.Query(ctx, in(schema, `SELECT model FROM {s}.model
		WHERE NOT EXISTS (SELECT FROM pg_indexes WHERE schemaname = $1 AND indexname = 'vector_' || left(encode(sha256(convert_to(model, 'UTF8')), 'hex'), 32))`), schema)
	if err != nil {
		return err
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read the models: %w", err)
	}
	for _, model := range missing {
		sql := fmt.Sprintf(`SET maintenance_work_mem = '%s'; SET max_parallel_maintenance_workers = 0;
			CREATE INDEX IF NOT EXISTS vector_%x ON {s}.vector USING hnsw (sketch bit_hamming_ops)
			WITH (m = %d, ef_construction = %d) WHERE live AND model = %s;
			RESET maintenance_work_mem; RESET max_parallel_maintenance_workers; ANALYZE {s}.vector`,
			indexMemory, indexName(model), hnswLinks, hnswBuild, literal(model))
		if _, err := c.Exec(ctx, in(schema, sql)); err != nil {
			return fmt.Errorf("index the vectors of %s: %w", model, err)
		}
	}
	return nil
}

// literal writes text as a constant of SQL: what an index on part of a table
// is chosen by cannot be a parameter.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// indexName tells a model in the name of its index, which may not be as long.
func indexName(model string) []byte {
	sum := sha256.Sum256([]byte(model))
	return sum[:16]
}
