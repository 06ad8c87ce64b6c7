package embedtest

import (
	"context"
	"fmt"
	"math"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// Score is how well the right answers were found among all texts.
type Score struct {
	Queries, Texts int
	Recall10       float64 // share of queries whose answer is among the first 10
	MRR            float64 // mean of 1/rank, of all ranks
	NDCG10         float64 // mean of 1/log2(1+rank) within the first 10
}

// String returns the score as one line.
func (s Score) String() string {
	return fmt.Sprintf("%d queries over %d texts: recall@10 %.3f, MRR %.3f, nDCG@10 %.3f", s.Queries, s.Texts, s.Recall10, s.MRR, s.NDCG10)
}

// Measure embeds set with p and ranks every text for every query by cosine,
// exactly. Among equals the right answer counts as the last.
func Measure(ctx context.Context, p embed.Provider, set Set) (Score, error) {
	texts, err := All(ctx, p, set.Texts)
	if err != nil {
		return Score{}, err
	}
	queries, err := All(ctx, p, set.Queries)
	if err != nil {
		return Score{}, err
	}
	s := Score{Queries: len(queries), Texts: len(texts)}
	for i, q := range queries {
		own, rank := dot(q, texts[set.Answers[i]]), 1
		for j, t := range texts {
			if j != set.Answers[i] && dot(q, t) >= own {
				rank++
			}
		}
		s.MRR += 1 / float64(rank)
		if rank <= 10 {
			s.Recall10++
			s.NDCG10 += 1 / math.Log2(1+float64(rank))
		}
	}
	n := float64(len(queries))
	s.MRR, s.Recall10, s.NDCG10 = s.MRR/n, s.Recall10/n, s.NDCG10/n
	return s, nil
}

// All embeds texts batch by batch and returns their vectors. It returns the
// first error of p.
func All(ctx context.Context, p embed.Provider, texts []string) ([][]float32, error) {
	out := make([][]float32, 0, len(texts))
	for len(texts) > 0 {
		n := min(p.MaxBatch(), len(texts))
		results, err := p.Embed(ctx, texts[:n])
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			out = append(out, r.Vector)
		}
		texts = texts[n:]
	}
	return out, nil
}

func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
