package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// Memory is an item as the read model knows it.
type Memory struct {
	memory.Item
	Actor    string // principal that remembered it
	FirstSeq uint64 // of the event that remembered it; lists are ordered by it
	Seq      uint64 // of the last event
	Tokens   int    // that models have read of it
}

// memoryFields are what a filter on memories may name.
func memoryFields() map[string]field {
	return map[string]field{
		"id": {"t.id", asUUID}, "status": {"t.status", asText}, "kind": {"t.kind", asText}, "scope": {"t.scope", asText},
		"subject": {"t.subject", asText}, "tag": {"t.tags", asSet}, "source": {"t.source", asText}, "source_id": {"t.source_id", asText},
		"document": {"t.document", asText}, "actor": {"t.actor", asText}, "remembered": {"t.remembered_at", asTime}, "updated": {"t.updated_at", asTime},
		"expires": {"t.expires_at", asTime}, "used": {"t.used", asNumber}, "seq": {"t.first_seq", asNumber},
	}
}

const memoryColumns = `t.id::text, t.status, t.text, t.spec, t.hash, t.used, t.helpful, t.repeats, t.replaced_by, t.remembered_at, t.used_at,
	t.updated_at, t.actor, t.first_seq, t.seq, t.tokens`

func scanMemory(row pgx.CollectableRow) (Memory, error) {
	var m Memory
	var text string
	var spec []byte
	var used *time.Time
	if err := row.Scan(&m.ID, &m.Status, &text, &spec, &m.Hash, &m.Used, &m.Helpful, &m.Repeats, &m.ReplacedBy, &m.RememberedAt, &used,
		&m.UpdatedAt, &m.Actor, &m.FirstSeq, &m.Seq, &m.Tokens); err != nil {
		return m, err
	}
	if err := json.Unmarshal(spec, &m.Spec); err != nil {
		return m, fmt.Errorf("read the properties of item %s: %w", m.ID, err)
	}
	m.Text, m.UsedAt = text, orZero(used)
	return m, nil
}

// Scopes are those that a reader may see; nil means all.
type Scopes []memory.Scope

// within narrows to what a reader may see.
func (c *conditions) within(s Scopes) {
	if s != nil {
		c.sql = append(c.sql, "t.scope = ANY("+c.arg([]memory.Scope(s))+"::text[])")
	}
}

// Memories lists a tenant's items within the scopes, the latest first,
// whatever their status.
func (p *Projections) Memories(ctx context.Context, tenant string, scopes Scopes, q Query) (Page[Memory], error) {
	var page Page[Memory]
	from, err := q.begin("memories", tenant)
	if err != nil {
		return page, err
	}
	c := where(tenant)
	c.within(scopes)
	if err := c.filter(q.conditions(), memoryFields()); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, "t.first_seq < "+c.arg(int64(from.Seq)))
	}
	var at pointer
	page.Items, at, err = p.memories(ctx, q.After, fmt.Sprintf("%s ORDER BY t.first_seq DESC LIMIT %d", c, q.Limit+1), c.args)
	if err != nil {
		return Page[Memory]{}, err
	}
	finish(&page, q, "memories", tenant, at, func(m Memory) cursor { return cursor{Seq: m.FirstSeq} })
	return page, nil
}

// Memory returns one item within the scopes by its id or the beginning of its
// id. It fails with memory.ErrNotFound, and with Conflict when several begin so.
func (p *Projections) Memory(ctx context.Context, tenant string, scopes Scopes, idOrPrefix string, after uint64) (Memory, error) {
	low, high, err := idRange(idOrPrefix, memory.ErrNotFound)
	if err != nil {
		return Memory{}, err
	}
	c := where(tenant)
	c.within(scopes)
	c.sql = append(c.sql, fmt.Sprintf("t.id BETWEEN %s::uuid AND %s::uuid", c.arg(low), c.arg(high)))
	found, _, err := p.memories(ctx, after, c.String()+" ORDER BY t.id LIMIT 2", c.args)
	return single(found, err, idOrPrefix, memory.ErrNotFound)
}

func (p *Projections) memories(ctx context.Context, after uint64, rest string, args []any) ([]Memory, pointer, error) {
	var found []Memory
	at, err := p.ask(ctx, "memories", after, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, "SELECT "+memoryColumns+" FROM {s}.memory t WHERE "+rest), append([]any{described}, args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanMemory)
		return err
	})
	return found, at, err
}
