package projections

import (
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// memoriesDefinition is the read model of what is remembered. Its vectors are
// kept for each model that made them, so that a search never mixes two, and
// indexed for each (see tendVectors).
func memoriesDefinition() definition {
	return definition{
		name: "memories", version: 2, heavy: true, kinds: []string{"memory", "embedding"}, open: newMemories,
		tend: tendVectors, tends: []string{"embedding"},
		tables: []table{
			{
				name: "memory", key: "tenant, id", columns: `
				tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
				status text NOT NULL, kind text NOT NULL, scope text NOT NULL, subject text NOT NULL, text text NOT NULL,
				hash text NOT NULL, spec json NOT NULL, tags jsonb, source text NOT NULL, source_id text NOT NULL, document text NOT NULL,
				importance double precision NOT NULL, used bigint NOT NULL, helpful bigint NOT NULL, repeats bigint NOT NULL,
				tokens bigint NOT NULL, replaced_by text NOT NULL, actor text NOT NULL, remembered_at timestamptz NOT NULL, used_at timestamptz,
				updated_at timestamptz NOT NULL, expires_at timestamptz, words tsvector NOT NULL`,
				indexes: []string{
					"USING gin (words) WITH (fastupdate = off)",
					"USING gin (tags)",
					"(tenant, first_seq)",
					"(tenant, scope, first_seq)",
					"(tenant, kind, first_seq)",
					"(tenant, source, source_id)",
					"(tenant, remembered_at)",
					"(tenant, subject) WHERE subject <> ''",
					"(tenant, document) WHERE document <> ''",
				},
			},
			{name: "vector", key: "tenant, id, model", columns: `
				tenant text NOT NULL, id uuid NOT NULL, model text NOT NULL, live boolean NOT NULL, embedding halfvec NOT NULL,
				sketch bit(` + strconv.Itoa(sketchBits) + `) NOT NULL`},
			{name: "model", key: "model", columns: `
				model text NOT NULL, dimensions bigint NOT NULL, active boolean NOT NULL, seq bigint NOT NULL`},
		},
	}
}

// memoryRow is a row of the memory table with what follows it.
type memoryRow struct {
	rowKey
	memory.Item
	firstSeq, seq uint64
	actor         string
	tokens        int
	dirty         bool
	rewritten     bool          // the text or what is said of it changed
	reembedded    []vectorRow   // to be written
	unembedded    bool          // what was embedded is of another text
	moved         memory.Status // the status before this batch; empty when it did not change
}

// memories is the read model of what is remembered.
type memories struct {
	rows    *workset[memoryRow]
	changed []*memoryRow
	models  []modelChange
}

func newMemories() model { return &memories{rows: newWorkset[memoryRow](10_000)} }

func (m *memories) asks(kind string) bool { return kind == "memory" || kind == "embedding" }

func (m *memories) check(it *item) error { return it.decodable() }

func (m *memories) settle() { m.rows.settle() }

func (m *memories) reset() {
	m.rows.reset()
	m.changed, m.models = nil, nil
}

var errNoMemory = errors.New("the item was never remembered")

func (m *memories) fold(it *item) error {
	if it.embedding != nil {
		m.models = append(m.models, modelChange{it.embedding, it.Seq})
		return nil
	}
	r := m.rows.get(it.row())
	if _, ok := it.memory.(memory.Remembered); ok && r == nil {
		r = &memoryRow{rowKey: it.row(), firstSeq: it.Seq, actor: it.Actor}
		r.ID = it.Entity.ID
		m.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoMemory
	}
	if it.Seq <= r.seq {
		return nil
	}
	if err := r.take(it.memory, it.Time); err != nil {
		return err
	}
	r.seq = it.Seq
	if !r.dirty {
		r.dirty = true
		m.changed = append(m.changed, r)
	}
	return nil
}

// take folds one event into the row, and notes what has to be written.
func (r *memoryRow) take(e memory.Event, at time.Time) error {
	before := r.Item
	after := before.Apply(e, at)
	switch e := e.(type) {
	case memory.Remembered, memory.Corrected, memory.Moved:
		r.rewritten = true
	case memory.Embedded:
		if e.Hash != before.Hash {
			return nil
		}
		v, err := memory.DecodeVector(e.Vector, e.Dimensions)
		if err != nil {
			return err
		}
		r.tokens += e.Tokens
		r.reembedded = append(r.reembedded, vectorRow{e.Model, v})
	}
	if !after.ExpiresAt.Equal(before.ExpiresAt) {
		r.rewritten = true
	}
	if before.Exists() && after.Hash != before.Hash {
		r.reembedded, r.unembedded = nil, true
	}
	if after.Status != before.Status && r.moved == "" {
		r.moved = before.Status
	}
	r.Item = after
	return nil
}

func (m *memories) load(b *pgx.Batch, schema string, items []*item) {
	own := make([]*item, 0, len(items))
	for _, it := range items {
		if it.memory != nil {
			own = append(own, it)
		}
	}
	if tenants, ids := m.rows.missing(own); len(ids) > 0 {
		b.Queue(in(schema, loadMemories), tenants, ids).Query(m.loaded)
	}
}

func (m *memories) flush(b *pgx.Batch, schema string) {
	for _, c := range m.models {
		c.flush(b, schema)
	}
	m.models = m.models[:0]
	for _, r := range m.changed {
		r.flush(b, schema)
		r.flushVectors(b, schema)
		r.dirty, r.rewritten, r.unembedded, r.reembedded, r.moved = false, false, false, nil, ""
	}
	m.changed = m.changed[:0]
}
