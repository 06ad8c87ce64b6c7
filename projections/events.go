package projections

import (
	"time"

	"github.com/jackc/pgx/v5"
)

func eventsDefinition() definition {
	return definition{name: "events", version: 1, open: func() model { return &events{} }, tables: []table{
		{
			name: "event", key: "seq", late: true, columns: `
			seq bigint NOT NULL, tenant text NOT NULL, kind text NOT NULL, entity uuid NOT NULL, type text NOT NULL, schema bigint NOT NULL,
			id text NOT NULL, source text NOT NULL, time timestamptz NOT NULL, actor text NOT NULL, command text NOT NULL,
			correlation text NOT NULL, causation text NOT NULL, traceparent text NOT NULL`,
			indexes: []string{
				"(entity, seq)",
				"(tenant, type, seq)",
				"(correlation) WHERE correlation <> ''",
				"USING brin (time)",
			},
		},
	}}
}

// events is the index of every event of every kind, without payloads.
type events struct {
	batch []*item
}

func (e *events) asks(string) bool { return true }

func (e *events) check(it *item) error { return it.badID }

func (e *events) load(*pgx.Batch, string, []*item) {}

func (e *events) settle() {}

func (e *events) reset() { e.batch = nil }

func (e *events) fold(it *item) error {
	e.batch = append(e.batch, it)
	return nil
}

const insertEvents = `INSERT INTO {s}.event (seq, tenant, kind, entity, type, schema, id, source, time, actor, command, correlation, causation, traceparent)
	SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[],
		$10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
	ON CONFLICT DO NOTHING`

func (e *events) flush(b *pgx.Batch, schema string) {
	n := len(e.batch)
	if n == 0 {
		return
	}
	seqs, schemas, times, entities := make([]int64, n), make([]int64, n), make([]time.Time, n), make([][16]byte, n)
	var text [10][]string
	for i := range text {
		text[i] = make([]string, n)
	}
	for i, it := range e.batch {
		seqs[i], schemas[i], times[i], entities[i] = int64(it.Seq), int64(it.Schema), it.Time, it.id
		for j, s := range [...]string{it.Entity.Tenant, it.Entity.Kind, it.Type, it.ID, it.Source, it.Actor, it.Command, it.Correlation, it.Causation, it.TraceParent} {
			text[j][i] = clean(s)
		}
	}
	e.batch = e.batch[:0]
	b.Queue(in(schema, insertEvents), seqs, text[0], text[1], entities, text[2], schemas, text[3], text[4], times,
		text[5], text[6], text[7], text[8], text[9])
}
