package projections

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/memory"
)

const loadMemories = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.status, t.text, t.spec, t.hash, t.used, t.helpful, t.repeats, t.tokens,
		t.replaced_by, t.actor, t.remembered_at, t.used_at, t.updated_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.memory t ON t.tenant = k.tenant AND t.id = k.id`

// loaded takes in the rows of loadMemories. Which models have embedded an item
// is not among them: nothing here depends on it.
func (m *memories) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &memoryRow{}
		var text string
		var spec []byte
		var used *time.Time
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &r.Status, &text, &spec, &r.Hash, &r.Used, &r.Helpful, &r.Repeats, &r.tokens,
			&r.ReplacedBy, &r.actor, &r.RememberedAt, &used, &r.UpdatedAt); err != nil {
			return err
		}
		if err := json.Unmarshal(spec, &r.Spec); err != nil {
			return fmt.Errorf("read the properties of item %s: %w", r.id, err)
		}
		r.ID, r.Text, r.UsedAt = r.id.String(), text, orZero(used)
		m.rows.put(r.rowKey, r)
	}
	return rows.Err()
}

const upsertMemory = `INSERT INTO {s}.memory AS t (tenant, id, first_seq, seq, status, kind, scope, subject, text, hash, spec, tags, source, source_id,
		document, importance, used, helpful, repeats, tokens, replaced_by, actor, remembered_at, used_at, updated_at, expires_at, words)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::json, $12::jsonb, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
		to_tsvector('english', $27))
	ON CONFLICT (tenant, id) DO UPDATE SET seq = excluded.seq, status = excluded.status, kind = excluded.kind, scope = excluded.scope,
		subject = excluded.subject, text = excluded.text, hash = excluded.hash, spec = excluded.spec, tags = excluded.tags, source = excluded.source,
		source_id = excluded.source_id, document = excluded.document, importance = excluded.importance, used = excluded.used,
		helpful = excluded.helpful, repeats = excluded.repeats, tokens = excluded.tokens, replaced_by = excluded.replaced_by,
		used_at = excluded.used_at, updated_at = excluded.updated_at, expires_at = excluded.expires_at, words = excluded.words
	WHERE excluded.seq > t.seq`

const updateMemory = `UPDATE {s}.memory SET seq = $3, status = $4, used = $5, helpful = $6, repeats = $7, tokens = $8, replaced_by = $9,
		used_at = $10, updated_at = $11
	WHERE tenant = $1 AND id = $2 AND seq < $3`

// flush writes a new or rewritten item whole, and of others what can change.
func (r *memoryRow) flush(b *pgx.Batch, schema string) {
	if !r.rewritten {
		b.Queue(in(schema, updateMemory), r.tenant, r.id, int64(r.seq), string(r.Status), r.Used, r.Helpful, r.Repeats, r.tokens,
			r.ReplacedBy, unset(r.UsedAt), r.UpdatedAt)
		return
	}
	spec := r.Spec
	spec.Text = ""
	document := ""
	if spec.Place != nil {
		document = spec.Place.Document
	}
	b.Queue(in(schema, upsertMemory), r.tenant, r.id, int64(r.firstSeq), int64(r.seq), string(r.Status), string(r.Kind), string(r.Scope),
		clean(r.Subject), clean(r.Text), r.Hash, clean(*asJSON(spec)), list(r.Tags), r.Source.Type, clean(r.Source.ID), document, r.Importance,
		r.Used, r.Helpful, r.Repeats, r.tokens, r.ReplacedBy, r.actor, r.RememberedAt, unset(r.UsedAt), r.UpdatedAt, unset(r.ExpiresAt),
		indexText(r.Spec))
}

// indexText is what the words of an item are taken from: its text with what is
// said about it, and the parts of identifiers beside them, since Postgres
// takes parseConfig for one word.
func indexText(s memory.Spec) string {
	parts := append([]string{s.Subject}, s.Tags...)
	if s.Place != nil {
		parts = append(parts, s.Place.Heading, s.Place.URI)
	}
	text := clean(strings.Join(append(parts, s.Text), "\n"))
	return text + "\n" + strings.Join(identifierParts(text), " ")
}

// identifierParts returns the parts of words such as parseConfig, HTTPServer
// and max_retries.
func identifierParts(text string) []string {
	var parts []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
		if split := splitIdentifier(word); len(split) > 1 {
			parts = append(parts, split...)
		}
	}
	return parts
}

func splitIdentifier(word string) []string {
	var parts []string
	runes, start := []rune(word), 0
	cut := func(end int) {
		if end > start {
			parts = append(parts, string(runes[start:end]))
		}
		start = end
	}
	for i, r := range runes {
		switch {
		case r == '_':
			cut(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			cut(i)
		}
	}
	cut(len(runes))
	return parts
}
