package bench

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/memory/embed/embedtest"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
)

// How much the benchmark of memory asks.
const (
	memoryClients  = 8
	memoryQueries  = 240  // searches of a run
	memoryExact    = 100  // queries whose exact neighbours are computed
	memoryAdds     = 100  // items added of a run, to time it
	memoryFound    = 20   // items added of a run, and looked for
	memoryBatch    = 1000 // items of a request
	memoryPatience = 30 * time.Minute
)

// memories measures searches of memory at growing sizes, through the HTTP API:
// what the index of vectors misses, how long searches take with filters and
// without beside a bare query of pgvector, and what adding takes.
func memories(ctx context.Context, o Options) error {
	sizes := slices.Sorted(slices.Values(o.Items))
	if len(sizes) == 0 {
		sizes = []int{1_000, 10_000}
	}
	items, err := passages(sizes[len(sizes)-1] + 1_000*o.Runs)
	if err != nil {
		return err
	}
	set, err := embedtest.GoDocs(build.Default.GOROOT, embedtest.Report)
	if err != nil {
		return err
	}
	provider, err := ngram.New(0)
	if err != nil {
		return err
	}
	queries := set.Sample(1_000, 1_000).Queries
	vectors, err := embedtest.All(ctx, provider, queries)
	if err != nil {
		return fmt.Errorf("embed the queries: %w", err)
	}
	return withMesh(ctx, o, "memory", func(c *client.Client, m *Mesh) error {
		pool, err := pgxpool.New(ctx, m.PG)
		if err != nil {
			return fmt.Errorf("prepare the pool: %w", err)
		}
		defer pool.Close()
		w := &memoryWorld{c: c, pool: pool, model: provider.Model(), queries: queries, vectors: vectors, more: items[sizes[len(sizes)-1]:]}
		had := 0
		for _, size := range sizes {
			began := time.Now()
			if err := w.fill(ctx, items[had:size]); err != nil {
				return err
			}
			o.Report(figure(fmt.Sprintf("memory_import_%d", size), "items/s", sample{perSecond(size-had, time.Since(began))}, "", nil))
			had = size
			if err := w.measure(ctx, o, size); err != nil {
				return err
			}
		}
		return nil
	})
}

// memoryWorld is a mesh with memories, and what is asked of it.
type memoryWorld struct {
	c       *client.Client
	pool    *pgxpool.Pool // of the mesh's own Postgres
	model   string
	queries []string
	vectors [][]float32 // of the queries
	more    []client.RememberRequest
	items   int64 // that have been added
}

// fill adds items and waits until they are embedded and found.
func (w *memoryWorld) fill(ctx context.Context, items []client.RememberRequest) error {
	batches := slices.Collect(slices.Chunk(items, memoryBatch))
	_, err := parallel(2, len(batches), func(i int) error {
		results, err := w.c.RememberAll(ctx, batches[i-1])
		for _, r := range results {
			if r.Error != nil {
				err = errors.Join(err, errors.New(r.Error.Detail))
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("add items: %w", err)
	}
	w.items += int64(len(items))
	return w.embedded(ctx)
}

// embedded waits until all that was added has a vector that is searched.
func (w *memoryWorld) embedded(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, memoryPatience)
	defer cancel()
	poll := time.NewTicker(200 * time.Millisecond)
	defer poll.Stop()
	for {
		s, err := w.c.MemoryStats(ctx, "")
		if err != nil && !client.IsUnavailable(err) { // a new read model catches up first
			return fmt.Errorf("wait for vectors: %w", err)
		}
		for _, m := range s.Models {
			if m.Active && m.Model == w.model && m.Vectors >= w.items {
				return nil
			}
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for vectors: %w", ctx.Err())
		}
	}
}

// measure reports everything at one size.
func (w *memoryWorld) measure(ctx context.Context, o Options, size int) error {
	named := func(what string) string { return fmt.Sprintf("memory_%s_%d", what, size) }
	if err := w.settle(ctx); err != nil {
		return err
	}
	recall, err := w.recall(ctx)
	if err != nil {
		return err
	}
	o.Report(figure(named("index_recall10"), "share", sample{recall}, "exact search", sample{1}))
	if err := w.sizes(ctx, o, named); err != nil {
		return err
	}
	if err := w.searches(ctx, o, named); err != nil {
		return err
	}
	return w.adds(ctx, o, named)
}

// searches reports how long searches take.
func (w *memoryWorld) searches(ctx context.Context, o Options, named func(string) string) (err error) {
	drop, err := w.index(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop(ctx)) }()
	for _, kind := range []struct{ name, filter, tag string }{
		{"search", "", ""}, {"search_tenth", "tag:" + tagTenth, tagTenth}, {"search_thousandth", "tag:" + tagThousandth, tagThousandth},
	} {
		var p50, p95, bare50, bare95 sample
		for run := range o.Runs {
			took, err := w.timed(run, func(i int) error {
				r, err := w.c.Search(ctx, client.SearchRequest{Query: w.queries[i], Filter: kind.filter})
				if err == nil && r.Degraded != "" {
					err = errors.New(r.Degraded)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("search: %w", err)
			}
			bare, err := w.bare(ctx, run, kind.tag)
			if err != nil {
				return err
			}
			p50, p95 = append(p50, took.at(0.5)), append(p95, took.at(0.95))
			bare50, bare95 = append(bare50, bare.at(0.5)), append(bare95, bare.at(0.95))
		}
		o.Report(figure(named(kind.name+"_p50"), "ms", p50, "bare pgvector", bare50))
		o.Report(figure(named(kind.name+"_p95"), "ms", p95, "bare pgvector", bare95))
	}
	return nil
}

// timed asks the queries of a run from several clients at once, and returns how
// long each took in ms.
func (w *memoryWorld) timed(run int, ask func(i int) error) (sample, error) {
	took := make(sample, memoryQueries)
	_, err := parallel(memoryClients, memoryQueries, func(n int) error {
		began := time.Now()
		err := ask((run*memoryQueries + n) % len(w.queries))
		took[n-1] = ms(time.Since(began))
		return err
	})
	return took, err
}
