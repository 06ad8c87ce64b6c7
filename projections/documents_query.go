package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/document"
)

// Document is an imported document as the read model knows it.
type Document struct {
	document.Document
	Passages  int // that it was split into
	UpdatedAt time.Time
	Seq       uint64 // of the last event
}

// documentFields are what a filter on documents may name.
func documentFields() map[string]field {
	return map[string]field{
		"id": {"t.id", asUUID}, "uri": {"t.uri", asText}, "scope": {"t.scope", asText}, "digest": {"t.digest", asText}, "media_type": {"t.media_type", asText},
		"tag": {"t.tags", asSet}, "size": {"t.size", asNumber}, "forgotten": {"t.forgotten", asFlag}, "imported": {"t.imported_at", asTime},
		"updated": {"t.updated_at", asTime},
	}
}

const documentColumns = `t.id::text, t.uri, t.scope, t.digest, t.size, t.media_type, t.splitter, t.chunks, t.tags, t.forgotten, t.imported_at,
	t.updated_at, t.seq`

func scanDocument(row pgx.CollectableRow) (Document, error) {
	var d Document
	err := row.Scan(&d.ID, &d.URI, &d.Scope, &d.Digest, &d.Size, &d.MediaType, &d.Splitter, &d.Passages, &d.Tags, &d.Forgotten, &d.ImportedAt,
		&d.UpdatedAt, &d.Seq)
	return d, err
}

// Documents lists a tenant's imported documents within the scopes by their URI.
func (p *Projections) Documents(ctx context.Context, tenant string, scopes Scopes, q Query) (Page[Document], error) {
	var page Page[Document]
	from, err := q.begin("documents", tenant)
	if err != nil {
		return page, err
	}
	c := where(tenant)
	c.within(scopes)
	if err := c.filter(q.conditions(), documentFields()); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, fmt.Sprintf("(t.uri, t.id) > (%s::text, %s::uuid)", c.arg(from.Text), c.arg(from.ID)))
	}
	at, err := p.ask(ctx, "documents", q.After, func(ctx context.Context, db querier, at pointer) error {
		sql := fmt.Sprintf("SELECT %s FROM {s}.document t WHERE %s ORDER BY t.uri, t.id LIMIT %d", documentColumns, c, q.Limit+1)
		rows, err := db.Query(ctx, in(at.schema, sql), append([]any{described}, c.args...)...)
		if err != nil {
			return err
		}
		page.Items, err = pgx.CollectRows(rows, scanDocument)
		return err
	})
	if err != nil {
		return Page[Document]{}, err
	}
	finish(&page, q, "documents", tenant, at, func(d Document) cursor { return cursor{Text: d.URI, ID: d.ID} })
	return page, nil
}

// countDocuments counts those that are not forgotten.
func (p *Projections) countDocuments(ctx context.Context, tenant string, scopes Scopes) (int, error) {
	var n int
	c := where(tenant)
	c.within(scopes)
	_, err := p.ask(ctx, "documents", 0, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, fmt.Sprintf("SELECT count(*) FROM {s}.document t WHERE %s AND NOT t.forgotten", c)), append([]any{described}, c.args...)...)
		if err != nil {
			return err
		}
		n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
		return err
	})
	return n, err
}
