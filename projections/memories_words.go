package projections

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// The limits of a search by words.
const (
	maxWords   = 10  // of a query, the rarest
	weighed    = 600 // items whose words are weighed
	weighedToo = 300 // the same beside a search by meaning, which finds most of the others
	wordsFresh = 30 * time.Second
)

// queueWorded looks for items that have words of the query. The rarest words
// say most: each weighs by how rare it is (inverse document frequency), and
// the items to weigh are found by as many of the rarest as keep them few.
func (s *search) queueWorded(b *pgx.Batch, words []string, out *[]candidate) {
	f, most := s.p.frequencies.of(s.schema), weighed
	if len(s.Vector) > 0 {
		most = weighedToo
	}
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b string) int { return compareFloat(f.share(a), f.share(b)) })
	words = words[:min(len(words), maxWords)]
	args := append([]any{}, s.conditions.args...)
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	var weights []string
	for _, w := range words {
		weights = append(weights, fmt.Sprintf("%s::float8 * ts_rank(n.words, %s::tsquery, 1)", arg(f.weight(w)), arg(quoteWord(w))))
	}
	sql := fmt.Sprintf(`WITH n AS MATERIALIZED (SELECT t.id, t.words || ''::tsvector AS words FROM {s}.memory t WHERE t.words @@ %s::tsquery AND %s LIMIT %d)
		SELECT n.id::text, %s AS weight FROM n ORDER BY weight DESC, n.id LIMIT %d`,
		arg(f.gather(words, float64(most))), s.conditions, most, strings.Join(weights, " + "), s.depth)
	b.Queue(in(s.schema, sql), args...).Query(collect(out))
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// quoteWord writes a word as a query for it.
func quoteWord(w string) string {
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(w) + "'"
}

// frequencies knows how common the common words of a read model are, from
// the planner's statistics of it: no word is counted twice for this.
type frequencies struct {
	mu     sync.Mutex
	schema string
	read   time.Time
	words  wordShares
}

// wordShares are the shares of items, 0 to 1, that have a word.
type wordShares struct {
	common map[string]float64
	rare   float64 // at most, of words that are not among the common
	rows   float64 // items, about
}

// of returns what is known about the words of a schema.
func (f *frequencies) of(schema string) wordShares {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.schema != schema {
		return wordShares{rare: 0.001, rows: 1}
	}
	return f.words
}

// refresh reads the statistics again when they are old.
func (f *frequencies) refresh(ctx context.Context, db querier, schema string, now time.Time) error {
	f.mu.Lock()
	fresh := f.schema == schema && now.Sub(f.read) < wordsFresh
	f.mu.Unlock()
	if fresh {
		return nil
	}
	var words []string
	var shares []float64
	var rows float64
	var b pgx.Batch
	b.Queue(`SELECT most_common_elems::text::text[], most_common_elem_freqs FROM pg_stats
		WHERE schemaname = $1 AND tablename = 'memory' AND attname = 'words'`, schema).Query(func(r pgx.Rows) error {
		_, err := pgx.ForEachRow(r, []any{&words, &shares}, func() error { return nil })
		return err
	})
	b.Queue(`SELECT greatest(reltuples, 1) FROM pg_class WHERE oid = to_regclass($1)`, schema+".memory").QueryRow(func(r pgx.Row) error {
		return r.Scan(&rows)
	})
	if err := send(ctx, db, &b); err != nil {
		return fmt.Errorf("read statistics of words: %w", err)
	}
	next := wordShares{common: make(map[string]float64, len(words)), rare: 0.001, rows: rows}
	for i, w := range words {
		if i < len(shares) {
			next.common[w] = shares[i]
		}
	}
	if n := len(words); n > 0 && n < len(shares) {
		next.rare = max(shares[n], 1/rows) // what follows the shares of the words is the least of them
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schema, f.read, f.words = schema, now, next
	return nil
}

// share estimates which share of all items have a word.
func (s wordShares) share(word string) float64 {
	if share, ok := s.common[word]; ok {
		return share
	}
	return s.rare / 2
}

// weight is how much a word tells: the logarithm of how rare it is.
func (s wordShares) weight(word string) float64 { return math.Log(1 + 1/s.share(word)) }

// gather returns the query that finds the items to weigh: those with any of
// the words, rarest first, for as long as they are at most so many. When even
// the rarest is common, those that have the two rarest.
func (s wordShares) gather(words []string, most float64) string {
	total := 0.0
	var any []string
	for _, w := range words {
		total += s.share(w) * s.rows
		if len(any) > 0 && total > most {
			break
		}
		any = append(any, quoteWord(w))
	}
	if len(any) == 1 && len(words) > 1 && s.share(words[0])*s.rows > most {
		return any[0] + " & " + quoteWord(words[1])
	}
	return strings.Join(any, " | ")
}
