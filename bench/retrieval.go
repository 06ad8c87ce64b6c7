package bench

import (
	"context"
	"fmt"
	"go/build"
	"math"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/memory/embed/embedtest"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
)

// retrievalQueries are those with a known answer.
const retrievalQueries = 1_000

// retrieval measures whether searches find what was meant, through the HTTP
// API: doc comments of Go's standard library ask for their declarations.
func retrieval(ctx context.Context, o Options) error {
	set, err := embedtest.GoDocs(build.Default.GOROOT, embedtest.Report)
	if err != nil {
		return err
	}
	provider, err := ngram.New(0)
	if err != nil {
		return err
	}
	return withMesh(ctx, o, "retrieval", func(c *client.Client, m *Mesh) error {
		pool, err := pgxpool.New(ctx, m.PG)
		if err != nil {
			return fmt.Errorf("prepare the pool: %w", err)
		}
		defer pool.Close()
		w := &memoryWorld{c: c, pool: pool, model: provider.Model()}
		ids, err := w.declarations(ctx, set.Texts)
		if err != nil {
			return err
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
		for _, mode := range []string{"meaning", "words", "fused"} {
			s, err := w.score(ctx, set, ids, mode)
			if err != nil {
				return err
			}
			o.Report(figure("retrieval_"+mode+"_recall10", "share", sample{s.Recall10}, "", nil))
			o.Report(figure("retrieval_"+mode+"_mrr10", "share", sample{s.MRR}, "", nil))
			o.Report(figure("retrieval_"+mode+"_ndcg10", "share", sample{s.NDCG10}, "", nil))
		}
		return nil
	})
}

// declarations adds the texts and returns the item that each became.
func (w *memoryWorld) declarations(ctx context.Context, texts []string) ([]string, error) {
	var ids []string
	distinct := map[string]bool{}
	for batch := range slices.Chunk(texts, memoryBatch) {
		items := make([]client.RememberRequest, len(batch))
		for i, text := range batch {
			items[i] = client.RememberRequest{Text: text, Kind: "episode", MediaType: "text/x-go"}
		}
		results, err := w.c.RememberAll(ctx, items)
		if err != nil {
			return nil, fmt.Errorf("add declarations: %w", err)
		}
		for _, r := range results {
			if r.Error != nil {
				return nil, fmt.Errorf("add a declaration: %s", r.Error.Detail)
			}
			ids, distinct[r.ID] = append(ids, r.ID), true
		}
	}
	w.items = int64(len(distinct))
	return ids, w.embedded(ctx)
}

// score asks the queries and looks where their answers stand among ten hits;
// one that is folded stands where the hit does that it says the same as.
func (w *memoryWorld) score(ctx context.Context, set embedtest.Set, ids []string, mode string) (embedtest.Score, error) {
	n := min(retrievalQueries, len(set.Queries))
	ranks := make([]int, n)
	if _, err := parallel(4, n, func(k int) error {
		i := (k - 1) * len(set.Queries) / n
		r, err := w.c.Search(ctx, client.SearchRequest{Query: set.Queries[i], Mode: mode})
		id := ids[set.Answers[i]]
		ranks[k-1] = 1 + slices.IndexFunc(r.Hits, func(h client.MemoryHit) bool { return h.ID == id || slices.Contains(h.Folded, id) })
		return err
	}); err != nil {
		return embedtest.Score{}, fmt.Errorf("search: %w", err)
	}
	s := embedtest.Score{Queries: n, Texts: len(set.Texts)}
	for _, rank := range ranks {
		if rank > 0 {
			s.Recall10 += 1 / float64(n)
			s.MRR += 1 / float64(rank) / float64(n)
			s.NDCG10 += 1 / math.Log2(1+float64(rank)) / float64(n)
		}
	}
	return s, nil
}
