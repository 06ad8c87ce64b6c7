package projections

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/document"
)

func documentsDefinition() definition {
	return definition{name: "documents", version: 1, heavy: true, kinds: []string{"document"}, open: newDocuments, tables: []table{
		{
			name: "document", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
			uri text NOT NULL, scope text NOT NULL, digest text NOT NULL, size bigint NOT NULL, media_type text NOT NULL,
			splitter bigint NOT NULL, chunks bigint NOT NULL, tags jsonb, forgotten boolean NOT NULL,
			imported_at timestamptz NOT NULL, updated_at timestamptz NOT NULL`,
			indexes: []string{"(tenant, uri, id)"},
		},
	}}
}

// documentRow is a row of the document table.
type documentRow struct {
	rowKey
	firstSeq, seq uint64
	document      document.Document
	chunks        int
	updated       time.Time
	dirty         bool
}

// documents is the read model of imported documents; their chunks are
// memories.
type documents struct {
	rows    *workset[documentRow]
	changed []*documentRow
}

func newDocuments() model { return &documents{rows: newWorkset[documentRow](1_000)} }

func (d *documents) asks(kind string) bool { return kind == "document" }

func (d *documents) check(it *item) error { return it.decodable() }

func (d *documents) settle() { d.rows.settle() }

func (d *documents) reset() {
	d.rows.reset()
	d.changed = nil
}

var errNoDocument = errors.New("the document was never imported")

func (d *documents) fold(it *item) error {
	r := d.rows.get(it.row())
	if _, ok := it.document.(document.Imported); ok && r == nil {
		r = &documentRow{rowKey: it.row(), firstSeq: it.Seq}
		d.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoDocument
	}
	if it.Seq <= r.seq {
		return nil
	}
	r.document = r.document.Apply(it.document, it.Time)
	if e, ok := it.document.(document.Imported); ok {
		r.chunks = len(e.Chunks)
	}
	r.document.Chunks = nil // not told, and long
	r.seq, r.updated = it.Seq, it.Time
	if !r.dirty {
		r.dirty = true
		d.changed = append(d.changed, r)
	}
	return nil
}

const loadDocuments = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.uri, t.scope, t.digest, t.size, t.media_type, t.splitter, t.chunks, t.tags,
		t.forgotten, t.imported_at, t.updated_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.document t ON t.tenant = k.tenant AND t.id = k.id`

func (d *documents) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := d.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadDocuments), tenants, ids).Query(d.loaded)
	}
}

func (d *documents) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &documentRow{}
		doc := &r.document
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &doc.URI, &doc.Scope, &doc.Digest, &doc.Size, &doc.MediaType, &doc.Splitter,
			&r.chunks, &doc.Tags, &doc.Forgotten, &doc.ImportedAt, &r.updated); err != nil {
			return err
		}
		d.rows.put(r.rowKey, r)
	}
	return rows.Err()
}

const upsertDocument = `INSERT INTO {s}.document AS t (tenant, id, first_seq, seq, uri, scope, digest, size, media_type, splitter, chunks, tags,
		forgotten, imported_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14, $15)
	ON CONFLICT (tenant, id) DO UPDATE SET seq = excluded.seq, uri = excluded.uri, scope = excluded.scope, digest = excluded.digest,
		size = excluded.size, media_type = excluded.media_type, splitter = excluded.splitter, chunks = excluded.chunks, tags = excluded.tags,
		forgotten = excluded.forgotten, imported_at = excluded.imported_at, updated_at = excluded.updated_at
	WHERE excluded.seq > t.seq`

func (d *documents) flush(b *pgx.Batch, schema string) {
	for _, r := range d.changed {
		doc := r.document
		b.Queue(in(schema, upsertDocument), r.tenant, r.id, int64(r.firstSeq), int64(r.seq), clean(doc.URI), string(doc.Scope), doc.Digest, doc.Size,
			clean(doc.MediaType), doc.Splitter, r.chunks, list(doc.Tags), doc.Forgotten, doc.ImportedAt, r.updated)
		r.dirty = false
	}
	d.changed = d.changed[:0]
}
