package projections

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// How hits are ordered.
const (
	rankOffset   = 5.0                 // of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009, who take 60 for long lists)
	halfLife     = 30 * 24 * time.Hour // after which an unused item has lost half of what recency gives
	byImportance = 0.2                 // how far importance moves a score, up and down
	byRecency    = 0.1                 // the most that age takes from a score
	byUse        = 0.05                // for each doubling of how often it helped
	sameDistance = 0.03                // cosine distance up to which two hits say the same
)

// rank fuses what both sides found and reads the rows of the best.
func (s *search) rank(ctx context.Context, db querier, near, worded []candidate) error {
	hits := map[string]*Hit{}
	at := func(id string) *Hit {
		if hits[id] == nil {
			hits[id] = &Hit{}
			hits[id].ID = id
		}
		return hits[id]
	}
	for i, c := range near {
		h := at(c.id)
		h.Meaning, h.Distance = i+1, c.value
		h.Score += 1 / (rankOffset + float64(i+1))
	}
	for i, c := range worded {
		h := at(c.id)
		h.Words, h.WordRank = i+1, c.value
		h.Score += 1 / (rankOffset + float64(i+1))
	}
	best := make([]*Hit, 0, len(hits))
	for _, h := range hits {
		best = append(best, h)
	}
	slices.SortFunc(best, byScore)
	return s.read(ctx, db, best[:min(len(best), 2*s.Limit+10)])
}

func byScore(a, b *Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) }

// read fills the hits in, weighs them, and folds those that say the same.
func (s *search) read(ctx context.Context, db querier, hits []*Hit) error {
	ids, place := make([]string, len(hits)), make(map[string]*Hit, len(hits))
	for i, h := range hits {
		ids[i], place[h.ID] = h.ID, h
	}
	type pair struct{ a, b string }
	var same []pair
	var b pgx.Batch
	b.Queue(in(s.schema, "SELECT "+memoryColumns+" FROM {s}.memory t WHERE t.tenant = $1 AND t.id = ANY($2::uuid[]) AND t.status = 'live'"), s.tenant, ids).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scanMemory)
		for _, m := range found {
			place[m.ID].Memory = m
		}
		return err
	})
	if len(s.Vector) > 0 {
		b.Queue(in(s.schema, fmt.Sprintf(`SELECT a.id::text, b.id::text FROM {s}.vector a JOIN {s}.vector b ON a.id < b.id
			WHERE a.tenant = $1 AND b.tenant = $1 AND a.id = ANY($2::uuid[]) AND b.id = ANY($2::uuid[]) AND a.model = $3 AND b.model = $3
			AND a.embedding::halfvec(%[1]d) <=> b.embedding::halfvec(%[1]d) <= $4`, len(s.Vector))), s.tenant, ids, s.Model, sameDistance).Query(func(rows pgx.Rows) error {
			var p pair
			_, err := pgx.ForEachRow(rows, []any{&p.a, &p.b}, func() error {
				same = append(same, p)
				return nil
			})
			return err
		})
	}
	if err := send(ctx, db, &b); err != nil {
		return fmt.Errorf("read what was found: %w", err)
	}
	hits = slices.DeleteFunc(hits, func(h *Hit) bool { return !h.Exists() }) // forgotten since it was found
	for _, h := range hits {
		h.weigh(s.now)
	}
	slices.SortFunc(hits, byScore)
	alike := map[string]map[string]bool{}
	for _, p := range same {
		for _, q := range []pair{p, {p.b, p.a}} {
			if alike[q.a] == nil {
				alike[q.a] = map[string]bool{}
			}
			alike[q.a][q.b] = true
		}
	}
	s.fold(hits, alike)
	return nil
}

// weigh applies importance, age and use to the score of the fusion.
func (h *Hit) weigh(now time.Time) {
	last := h.RememberedAt
	if h.UsedAt.After(last) {
		last = h.UsedAt
	}
	age := max(0, now.Sub(last))
	h.Recency = math.Exp2(-float64(age) / float64(halfLife))
	h.Score *= 1 + byImportance*(2*h.Importance-1)
	h.Score *= 1 - byRecency*(1-h.Recency)
	h.Score *= 1 + byUse*math.Log2(1+float64(max(0, h.Helpful)))
}

// fold puts hits that say nearly the same as a better one under that one.
func (s *search) fold(hits []*Hit, alike map[string]map[string]bool) {
	for _, h := range hits {
		i := slices.IndexFunc(s.out.Hits, func(better Hit) bool { return better.Hash == h.Hash || alike[better.ID][h.ID] })
		switch {
		case i >= 0:
			s.out.Hits[i].Folded = append(s.out.Hits[i].Folded, h.ID)
		case len(s.out.Hits) < s.Limit:
			s.out.Hits = append(s.out.Hits, *h)
		}
	}
}
