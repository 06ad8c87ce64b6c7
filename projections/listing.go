package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// listing is what one list of rows of the read model "identities" needs.
type listing[T any] struct {
	name    string // binds cursors to the list …
	scope   string // … and to what it is a list of
	fields  map[string]field
	columns string
	from    string
	order   string
	after   func(c *conditions, from cursor) string // rows that follow a cursor
	last    func(T) cursor
}

// readPage reads one page of a list, within the conditions c.
func readPage[T any](ctx context.Context, p *Projections, q Query, c *conditions, l listing[T]) (Page[T], error) {
	var page Page[T]
	from, err := q.begin(l.name, l.scope)
	if err != nil {
		return page, err
	}
	if err := c.filter(q.conditions(), l.fields); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, l.after(c, *from))
	}
	rest := fmt.Sprintf("%s ORDER BY %s LIMIT %d", c, l.order, q.Limit+1)
	found, at, err := readRows[T](ctx, p, q.After, "SELECT "+l.columns+" FROM "+l.from+" WHERE "+rest, c.args)
	if err != nil {
		return page, err
	}
	page.Items = found
	finish(&page, q, l.name, l.scope, at, l.last)
	return page, nil
}

// readRows reads rows of the read model "identities" into the fields of T, in order.
func readRows[T any](ctx context.Context, p *Projections, after uint64, sql string, args []any) ([]T, pointer, error) {
	var found []T
	at, err := p.ask(ctx, "identities", after, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, sql), append([]any{described}, args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	})
	return found, at, err
}

// moment adds the present time as a parameter, for what depends on it.
func (p *Projections) moment(c *conditions) string { return c.arg(p.cfg.Now()) + "::timestamptz" }
