package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Event is one entry of the log without its payload, which the log itself
// gives by Seq.
type Event struct {
	Seq         uint64
	ID          string
	Tenant      string
	Kind        string
	Entity      string
	Type        string
	Schema      int
	Source      string
	Time        time.Time
	Actor       string
	Command     string
	Correlation string
	Causation   string
	TraceParent string
}

// eventFields are what a filter on events may name.
func eventFields() map[string]field {
	return map[string]field{
		"kind": {"t.kind", asText}, "entity": {"t.entity", asUUID}, "type": {"t.type", asText}, "actor": {"t.actor", asText},
		"correlation": {"t.correlation", asText}, "time": {"t.time", asTime}, "seq": {"t.seq", asNumber},
	}
}

// Events lists a tenant's events, the newest first. The timeline of a task is
// the filter "entity:<id>".
func (p *Projections) Events(ctx context.Context, tenant string, q Query) (Page[Event], error) {
	var page Page[Event]
	from, err := q.begin("events", tenant)
	if err != nil {
		return page, err
	}
	c := where(tenant)
	if err := c.filter(q.conditions(), eventFields()); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, "t.seq < "+c.arg(int64(from.Seq)))
	}
	at, err := p.ask(ctx, "events", q.After, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, fmt.Sprintf(`SELECT seq, id, tenant, kind, entity::text, type, schema, source, time, actor, command,
			correlation, causation, traceparent FROM {s}.event t WHERE %s ORDER BY seq DESC LIMIT %d`, c, q.Limit+1)), append([]any{described}, c.args...)...)
		if err != nil {
			return err
		}
		page.Items, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Event])
		return err
	})
	if err != nil {
		return Page[Event]{}, err
	}
	finish(&page, q, "events", tenant, at, func(e Event) cursor { return cursor{Seq: e.Seq} })
	return page, nil
}
