package projections

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// definition is a read model as code: raise version whenever the tables or
// the meaning of their rows change. The tables are kept, one file a version,
// under testdata/tables; what their rows mean, nobody but the author can tell.
type definition struct {
	name    string // part of the schema's name: lower-case letters
	version int
	tables  []table
	heavy   bool         // its rows are slow to write: it is fed by a lane of its own
	kinds   []string     // of events whose payload it needs
	open    func() model // a new one for each lane; lanes share nothing
	// tend makes the indexes that depend on rows. It is called last in a
	// rebuild, and by the live lane when it opens and after each batch with an
	// event of a kind in tends. It must do nothing where nothing is to do.
	tend  func(ctx context.Context, c *pgx.Conn, schema string) error
	tends []string
}

// lane returns which of the two live lanes feeds d: 0 the light, 1 the heavy.
func (d definition) lane() int {
	if d.heavy {
		return 1
	}
	return 0
}

// table is one table of a read model. The primary key is made first and the
// other indexes last in a rebuild.
type table struct {
	name    string
	columns string   // "name type constraints", separated by commas
	key     string   // columns of the primary key
	late    bool     // rows are only ever added: the primary key, too, is made last
	indexes []string // what follows CREATE INDEX ON <table>
}

// model folds events into rows. It keeps a bounded working set of current
// rows; load brings in those that a batch needs, flush queues what changed.
// After a failed transaction only reset may follow.
//
// A lane calls check for each event, then load for a batch, then fold for each
// event in the order of the log, then flush. An event may come twice, with
// nothing but the row's own sequence to tell: fold or the statements of flush
// must leave the rows as they are then. An error of check or fold parks the
// event. A row is made from events alone, never from the clock or from chance,
// or a rebuilt table would differ. Text goes through clean, as Postgres takes
// no zero byte.
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
		fmt.Fprintf(&sql, "CREATE TABLE %s.%s (%s", schema, t.name, collated(t.columns))
		if !t.late {
			fmt.Fprintf(&sql, ", PRIMARY KEY (%s)", t.key)
		}
		sql.WriteString(");")
	}
	_, err := tx.Exec(ctx, sql.String())
	return err
}

// collated makes columns of type text compare bytes, whatever the database's
// locale: faster, and the same everywhere.
func collated(columns string) string {
	list := strings.Split(columns, ",")
	for i, c := range list {
		if f := strings.Fields(c); len(f) > 1 && f[1] == "text" {
			f[1] = `text COLLATE "C"`
			list[i] = strings.Join(f, " ")
		}
	}
	return strings.Join(list, ",")
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
	if d.tend == nil {
		return nil
	}
	return d.tend(ctx, c, schema)
}
