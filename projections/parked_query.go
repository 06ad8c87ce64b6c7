package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Parked is an event that a projection could not apply, or one that waits behind it.
type Parked struct {
	Projection string
	Key        string // the entity: tenant/kind/id
	Seq        uint64
	EventID    string
	EventType  string
	Error      string
	Attempts   int
	Behind     bool // not faulty itself: it waits behind an earlier event
	FirstAt    time.Time
	LastAt     time.Time
}

// parkedFields are what a filter on parked events may name.
func parkedFields() map[string]field {
	return map[string]field{
		"key": {"t.key", asText}, "seq": {"t.seq", asNumber}, "type": {"t.event_type", asText}, "behind": {"t.behind", asFlag},
		"attempts": {"t.attempts", asNumber}, "first": {"t.first_at", asTime}, "last": {"t.last_at", asTime},
	}
}

// Parked lists the events that the live generation of the named read model
// has put aside, the oldest first.
func (p *Projections) Parked(ctx context.Context, name string, q Query) (Page[Parked], error) {
	var page Page[Parked]
	from, err := q.begin("parked", name)
	if err != nil {
		return page, err
	}
	d, err := p.definition(name)
	if err != nil {
		return page, err
	}
	c := &conditions{sql: []string{"t.name = $1", "t.version = $2"}, args: []any{d.name, d.version}}
	if err := c.filter(q.conditions(), parkedFields()); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, fmt.Sprintf("(t.seq, t.key) > (%s::bigint, %s::text)", c.arg(int64(from.Seq)), c.arg(from.Text)))
	}
	at, err := p.ask(ctx, name, q.After, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, fmt.Sprintf(`SELECT name, key, seq, event_id, event_type, error, attempts, behind, first_at, last_at
			FROM projection_parked t WHERE %s AND t.generation = %d ORDER BY t.seq, t.key LIMIT %d`, c, at.generation, q.Limit+1), append([]any{described}, c.args...)...)
		if err != nil {
			return err
		}
		page.Items, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Parked])
		return err
	})
	if err != nil {
		return Page[Parked]{}, err
	}
	finish(&page, q, "parked", name, at, func(k Parked) cursor { return cursor{Seq: k.Seq, Text: k.Key} })
	return page, nil
}
