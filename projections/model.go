package projections

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// definition is a read model as code: raise version whenever the tables or
// the meaning of their rows change.
type definition struct {
	name    string
	version int
	tables  []table
	open    func() model
}

// table is one table of a read model. The primary key is made first and the
// other indexes last in a rebuild.
type table struct {
	name    string
	columns string
	key     string   // columns of the primary key
	late    bool     // rows are only ever added: the primary key, too, is made last
	indexes []string // what follows CREATE INDEX ON <table>
}

// model folds events into rows. It keeps a bounded working set of current
// rows; load brings in those that a batch needs, flush queues what changed.
// After a failed transaction only reset may follow.
type model interface {
	// asks reports whether the model wants the events of kind.
	asks(kind string) bool
	// check returns why the event cannot be applied, before anything is touched.
	check(it *item) error
	// load queues the queries for rows that items need and that are not at hand.
	load(b *pgx.Batch, schema string, items []*item)
	// fold applies one event to the working set.
	fold(it *item) error
	// flush queues the statements that write what fold changed.
	flush(b *pgx.Batch, schema string)
	// settle follows a commit: it shrinks the working set to its limit.
	settle()
	// reset forgets every row.
	reset()
}

// schemaOf names the schema of one generation.
func schemaOf(d definition, generation int) string {
	return fmt.Sprintf("proj_%s_v%d_g%d", d.name, d.version, generation)
}

// in puts a schema's name where sql says {s}.
func in(schema, sql string) string { return strings.ReplaceAll(sql, "{s}", schema) }

// create makes the generation's schema and tables, without what is made last.
func (d definition) create(ctx context.Context, tx pgx.Tx, schema string) error {
	var sql strings.Builder
	fmt.Fprintf(&sql, "CREATE SCHEMA %s;", schema)
	for _, t := range d.tables {
		// Bytes are compared, whatever the database's locale: faster, and the same everywhere.
		columns := strings.ReplaceAll(t.columns, " text", ` text COLLATE "C"`)
		fmt.Fprintf(&sql, "CREATE TABLE %s.%s (%s", schema, t.name, columns)
		if !t.late {
			fmt.Fprintf(&sql, ", PRIMARY KEY (%s)", t.key)
		}
		sql.WriteString(");")
	}
	_, err := tx.Exec(ctx, sql.String())
	return err
}

// finish makes the indexes and gathers the planner's statistics.
func (d definition) finish(ctx context.Context, c *pgx.Conn, schema string) error {
	for _, t := range d.tables {
		var sql strings.Builder
		if t.late {
			fmt.Fprintf(&sql, "ALTER TABLE %s.%s ADD PRIMARY KEY (%s);", schema, t.name, t.key)
		}
		for _, i := range t.indexes {
			fmt.Fprintf(&sql, "CREATE INDEX ON %s.%s %s;", schema, t.name, i)
		}
		fmt.Fprintf(&sql, "ANALYZE %s.%s;", schema, t.name)
		if _, err := c.Exec(ctx, sql.String()); err != nil {
			return fmt.Errorf("index %s.%s: %w", schema, t.name, err)
		}
	}
	return nil
}
