package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"github.com/hivemesh/hivemesh/client"
)

// memoryNear is how many neighbours are compared.
const memoryNear = 10

// schema returns where the read model of memory stands.
func (w *memoryWorld) schema(ctx context.Context) (string, error) {
	var schema string
	err := w.pool.QueryRow(ctx, `SELECT schemaname FROM pg_tables WHERE tablename = 'vector' ORDER BY schemaname DESC LIMIT 1`).Scan(&schema)
	if err != nil {
		return "", fmt.Errorf("find the read model: %w", err)
	}
	return schema, nil
}

// settle has the planner know the tables as they are: at rest, that is done
// within a minute by itself.
func (w *memoryWorld) settle(ctx context.Context) error {
	schema, err := w.schema(ctx)
	if err == nil {
		_, err = w.pool.Exec(ctx, fmt.Sprintf("VACUUM ANALYZE %[1]s.memory, %[1]s.vector", schema))
	}
	if err != nil {
		return fmt.Errorf("analyse the tables: %w", err)
	}
	return nil
}

// neighbour is an item at a distance.
type neighbour struct {
	id       string
	distance float64
}

// recall returns which share of the nearest items searches by meaning find.
func (w *memoryWorld) recall(ctx context.Context) (float64, error) {
	schema, err := w.schema(ctx)
	if err != nil {
		return 0, err
	}
	found := make([]int, memoryExact)
	if _, err := parallel(2, memoryExact, func(n int) error {
		i := (n - 1) * len(w.queries) / memoryExact
		want, err := w.exact(ctx, schema, w.vectors[i])
		if err != nil {
			return err
		}
		got, err := w.c.Search(ctx, client.SearchRequest{Query: w.queries[i], Mode: "meaning", Limit: memoryNear})
		found[n-1] = agreement(want, got.Hits)
		return err
	}); err != nil {
		return 0, fmt.Errorf("compare with exact search: %w", err)
	}
	sum := 0
	for _, n := range found {
		sum += n
	}
	return float64(sum) / memoryNear / memoryExact, nil
}

// exact computes all distances and returns the least.
func (w *memoryWorld) exact(ctx context.Context, schema string, v []float32) (near []neighbour, err error) {
	err = pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL enable_indexscan = off"); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT id::text, embedding::halfvec(%[2]d) <=> $1 AS d FROM %[1]s.vector WHERE live AND model = $2
			ORDER BY d, id LIMIT %[3]d`, schema, len(v), memoryNear), pgvector.NewHalfVector(v), w.model)
		if err != nil {
			return err
		}
		near, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (n neighbour, err error) {
			return n, row.Scan(&n.id, &n.distance)
		})
		return err
	})
	return near, err
}

// agreement counts hits that are among the nearest, or as near as the last of
// these. A hit stands for those that say the same.
func agreement(want []neighbour, hits []client.MemoryHit) int {
	got := map[string]bool{}
	found, as := 0, map[string]bool{}
	for _, h := range hits {
		got[h.ID] = true
		for _, id := range h.Folded {
			got[id] = true
		}
	}
	for _, n := range want {
		as[n.id] = true
		if got[n.id] {
			found++
		}
	}
	for _, h := range hits {
		if !as[h.ID] && h.Distance != nil && *h.Distance <= want[len(want)-1].distance+1e-9 {
			found++
		}
	}
	return min(found, len(want))
}

// index makes an index of the vectors themselves, as pgvector's users do, and
// returns how to drop it again: adding items is not to pay for it.
func (w *memoryWorld) index(ctx context.Context) (drop func(context.Context) error, err error) {
	schema, err := w.schema(ctx)
	if err != nil {
		return nil, err
	}
	sql := fmt.Sprintf(`SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 0;
		CREATE INDEX bench_bare ON %s.vector USING hnsw ((embedding::halfvec(%d)) halfvec_cosine_ops) WITH (m = 24, ef_construction = 128)
		WHERE live AND model = '%s'; RESET ALL`, schema, len(w.vectors[0]), strings.ReplaceAll(w.model, "'", "''"))
	if _, err := w.pool.Exec(ctx, sql); err != nil {
		return nil, fmt.Errorf("index the vectors for the comparison: %w", err)
	}
	return func(ctx context.Context) error {
		_, err := w.pool.Exec(ctx, fmt.Sprintf("DROP INDEX %s.bench_bare", schema))
		return err
	}, nil
}

// bare times the same searches as a plain query of pgvector, by as many
// connections: vectors alone, nothing read but ids.
func (w *memoryWorld) bare(ctx context.Context, run int, tag string) (sample, error) {
	schema, err := w.schema(ctx)
	if err != nil {
		return nil, err
	}
	conns := make(chan *pgx.Conn, memoryClients)
	for range memoryClients {
		c, err := pgx.Connect(ctx, w.pool.Config().ConnString())
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		defer c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left undone
		if _, err := c.Exec(ctx, "SET hnsw.ef_search = 150; SET hnsw.iterative_scan = relaxed_order"); err != nil {
			return nil, fmt.Errorf("set up: %w", err)
		}
		conns <- c
	}
	join := ""
	if tag != "" {
		join = fmt.Sprintf(`JOIN %s.memory t ON t.tenant = v.tenant AND t.id = v.id AND t.tags @> '["%s"]'`, schema, tag)
	}
	sql := fmt.Sprintf(`SELECT v.id FROM %[1]s.vector v %[2]s WHERE v.live AND v.model = '%[3]s'
		ORDER BY v.embedding::halfvec(%[4]d) <=> $1::halfvec(%[4]d) LIMIT %[5]d`,
		schema, join, strings.ReplaceAll(w.model, "'", "''"), len(w.vectors[0]), memoryNear)
	return w.timed(run, func(i int) error {
		c := <-conns
		defer func() { conns <- c }()
		_, err := c.Exec(ctx, sql, pgvector.NewHalfVector(w.vectors[i]))
		return err
	})
}

// sizes reports the bytes of tables and indexes.
func (w *memoryWorld) sizes(ctx context.Context, o Options, named func(string) string) error {
	schema, err := w.schema(ctx)
	if err != nil {
		return err
	}
	var memory, vector, words, hnsw, all float64
	if err := w.pool.QueryRow(ctx, `SELECT pg_table_size($1 || '.memory'), pg_table_size($1 || '.vector'),
		(SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index WHERE indrelid = to_regclass($1 || '.memory') AND pg_get_indexdef(indexrelid) LIKE '%gin (words)%'),
		(SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index WHERE indrelid = to_regclass($1 || '.vector') AND pg_get_indexdef(indexrelid) LIKE '%hnsw%'),
		pg_total_relation_size($1 || '.memory') + pg_total_relation_size($1 || '.vector')`, schema).Scan(&memory, &vector, &words, &hnsw, &all); err != nil {
		return fmt.Errorf("read sizes: %w", err)
	}
	for _, s := range []struct {
		name  string
		bytes float64
	}{{"items_table", memory}, {"vectors_table", vector}, {"words_index", words}, {"vectors_index", hnsw}, {"tables_and_indexes", all}} {
		o.Report(figure(named(s.name), "MiB", sample{s.bytes / (1 << 20)}, "", nil))
	}
	return nil
}

// adds reports how long adding takes, and how soon what was added is found by
// its meaning.
func (w *memoryWorld) adds(ctx context.Context, o Options, named func(string) string) error {
	var add, found sample
	for range o.Runs {
		var adding, finding sample
		for i := range memoryAdds {
			item := w.more[0]
			item.Kind, w.more = "fact", append(w.more[1:], item)
			item.Text = fmt.Sprintf("// %s\n%s", time.Now().Format(time.RFC3339Nano), item.Text)
			began := time.Now()
			r, err := w.c.Remember(ctx, item)
			if err != nil {
				return fmt.Errorf("add an item: %w", err)
			}
			adding = append(adding, ms(time.Since(began)))
			if i%(memoryAdds/memoryFound) != 0 {
				continue
			}
			if err := w.until(ctx, r.ID, item.Text); err != nil {
				return err
			}
			finding = append(finding, ms(time.Since(began)))
		}
		add, found = append(add, adding.at(0.95)), append(found, finding.at(0.95))
	}
	o.Report(figure(named("add_p95"), "ms", add, "", nil))
	o.Report(figure(named("add_to_found_p95"), "ms", found, "", nil))
	return nil
}

// until searches by meaning until an item is found, itself or under one that
// says the same.
func (w *memoryWorld) until(ctx context.Context, id, text string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		r, err := w.c.Search(ctx, client.SearchRequest{Query: text, Mode: "meaning"})
		if err != nil {
			return fmt.Errorf("look for what was added: %w", err)
		}
		for _, h := range r.Hits {
			if h.ID == id {
				return nil
			}
			for _, f := range h.Folded {
				if f == id {
					return nil
				}
			}
		}
		if m, err := w.c.Memory(ctx, id, ""); err == nil && m.Status == "merged" {
			return nil // it said the same as another, and that was found meanwhile
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("what was added is not found: %w", ctx.Err())
		}
	}
}
