package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
)

// The limits of a search.
const (
	maxHits   = 100
	exactRows = 2_000 // items that match: up to so many, every distance is computed
	minDepth  = 30    // candidates that each side brings to the fusion
)

// Recall asks for what is remembered. At least one of Text and Vector is needed.
type Recall struct {
	Text   string        // what is looked for by its words
	Vector memory.Vector // what is looked for by its meaning, of unit length
	Model  string        // that made the vector
	Filter string        // on memories, as in Memories
	Scopes Scopes        // that the reader may see
	Limit  int           // hits, 1 to 100; 10 when 0
	After  uint64        // as in Query
	Not    string        // id of an item to leave out
}

// Hit is an item that was found, and why.
type Hit struct {
	Memory
	Score    float64  // hits are ordered by it; comparable within one search only
	Meaning  int      // rank among all by meaning, from 1; 0 when it was not among them
	Distance float64  // cosine distance to what was looked for, 0 to 2
	Words    int      // rank among all by words, from 1
	WordRank float64  // weight of the words that it shares with the query
	Recency  float64  // share of the score that its age left, 0 to 1
	Folded   []string // ids of hits that say nearly the same
}

// Recalled is the outcome of a search.
type Recalled struct {
	Hits     []Hit
	Exact    bool   // every distance was computed
	Matching int    // items that the filter lets through; 0 when they were not counted
	Seq      uint64 // as in Page
	Lag      uint64
}

// Recall searches the live items of a tenant: by meaning, by words, or by both,
// fused by reciprocal rank and weighed by importance, age and use. Checkpoints
// are left out unless the filter names kinds. Filters
// hold for every hit, and never make a search return fewer than match. Errors
// are Invalid for what it asks, and Unavailable.
func (p *Projections) Recall(ctx context.Context, tenant string, r Recall) (Recalled, error) {
	if r.Limit == 0 {
		r.Limit = 10
	}
	if r.Limit < 1 || r.Limit > maxHits {
		return Recalled{}, domain.InvalidField("limit", "%d is not between 1 and %d", r.Limit, maxHits)
	}
	c := where(tenant)
	c.sql = append(c.sql, "t.status = 'live'", "(t.expires_at IS NULL OR t.expires_at > "+c.arg(p.cfg.Now())+"::timestamptz)")
	c.within(r.Scopes)
	if err := c.filter(r.Filter, memoryFields()); err != nil {
		return Recalled{}, err
	}
	if !filters(r.Filter, "kind") {
		c.sql = append(c.sql, "t.kind <> 'checkpoint'") // an agent's state, of no use to others
	}
	if r.Not != "" {
		c.sql = append(c.sql, "t.id <> "+c.arg(r.Not)+"::uuid")
	}
	s := &search{p: p, Recall: r, tenant: tenant, conditions: c, depth: max(minDepth, 3*r.Limit), now: p.cfg.Now()}
	at, err := p.ask(ctx, "memories", r.After, func(ctx context.Context, db querier, at pointer) error {
		s.schema = at.schema
		return s.run(ctx, db)
	})
	if err != nil {
		return Recalled{}, err
	}
	s.out.Seq, s.out.Lag = at.seq, at.lag
	return s.out, nil
}

// search is one search on its way.
type search struct {
	p *Projections
	Recall
	tenant     string
	schema     string
	conditions *conditions
	depth      int // candidates of each side
	way        way
	fewer      int // items match than this; 0 when that is not known
	now        time.Time
	out        Recalled
}

// candidate is what one side found, best first.
type candidate struct {
	id    string
	value float64 // distance or weight
}

func (s *search) run(ctx context.Context, db querier) error {
	s.out = Recalled{}
	words, err := s.prepare(ctx, db)
	if err != nil {
		return err
	}
	var near, worded []candidate
	var b pgx.Batch
	if len(words) > 0 {
		s.queueWorded(&b, words, &worded)
	}
	if len(s.Vector) > 0 {
		s.queueNear(&b, &near)
	}
	if err := send(ctx, db, &b); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	for s.way != exactly && len(s.Vector) > 0 && len(near) < s.depth {
		s.widen()
		near = nil
		var again pgx.Batch
		s.queueNear(&again, &near)
		if err := send(ctx, db, &again); err != nil {
			return fmt.Errorf("search again: %w", err)
		}
	}
	s.out.Exact = s.way == exactly && len(s.Vector) > 0
	return s.rank(ctx, db, near, worded)
}

// prepare finds out what the query's words are and how many items match.
func (s *search) prepare(ctx context.Context, db querier) ([]string, error) {
	if err := s.p.frequencies.refresh(ctx, db, s.schema, s.now); err != nil {
		return nil, err
	}
	var b pgx.Batch
	var words []string
	if s.Text != "" {
		b.Queue(`SELECT tsvector_to_array(to_tsvector('english', $1))`, clean(indexText(memory.Spec{Text: s.Text}))).QueryRow(func(row pgx.Row) error {
			return row.Scan(&words)
		})
	}
	count := len(s.Vector) > 0 && !s.p.large.is(s.set(), s.now)
	if count {
		b.Queue(in(s.schema, fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM {s}.memory t WHERE %s LIMIT %d) t`, s.conditions, s.p.exactRows+1)),
			s.conditions.args...).QueryRow(func(row pgx.Row) error { return row.Scan(&s.out.Matching) })
	}
	if err := send(ctx, db, &b); err != nil {
		return nil, fmt.Errorf("prepare the search: %w", err)
	}
	switch {
	case count && s.out.Matching <= s.p.exactRows:
		s.way, s.fewer = exactly, s.p.exactRows
	case s.p.narrow.is(s.set(), s.now):
		s.way = filtering
	}
	if count && s.way != exactly {
		s.p.large.add(s.set(), s.now)
		s.out.Matching = 0
	}
	return words, nil
}

func collect(out *[]candidate) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var c candidate
		_, err := pgx.ForEachRow(rows, []any{&c.id, &c.value}, func() error {
			*out = append(*out, c)
			return nil
		})
		return err
	}
}
