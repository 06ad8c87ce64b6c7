package projections

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"
)

// How the nearest are looked for.
const (
	sketched  = 250    // items with the nearest sketches, whose distances are computed; see docs/memory-figures.md
	scanLimit = 40_000 // sketches that are looked at for a filter's sake
)

// way is how a search finds the items of the nearest meaning. Each of these
// finds what the one before may miss, and takes longer.
type way int

const (
	walking   way = iota // the nearest sketches of all, then what of them the filter lets through
	filtering            // the nearest sketches of those that the filter lets through
	exactly              // the distance of every item that the filter lets through
)

// widen takes the next way, and remembers for the next search that this one
// left too few: the filter lets few through, and what is near is not among them.
func (s *search) widen() {
	if s.way == walking {
		s.p.narrow.add(s.set(), s.now)
	}
	s.way++
}

// queueNear goes last into its batch.
func (s *search) queueNear(b *pgx.Batch, out *[]candidate) {
	switch s.way {
	case walking:
		s.queueWalk(b, out)
	case filtering:
		s.queueFilteredWalk(b, out)
	default:
		s.queueExact(b, out)
	}
}

// walkIndex lets the statements that follow it in a batch, whose transaction is
// its own, find neighbours by the index of sketches alone: $1 candidates, and,
// unless $2 is off, more until there are enough.
const walkIndex = `SELECT set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', $2, true),
	set_config('hnsw.max_scan_tuples', $3, true), set_config('hnsw.scan_mem_multiplier', '4', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_hashjoin', 'off', true),
	set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true)`

// queueWalk reads of the items only those that may be among the nearest. It
// brings enough when at least half of these pass the filter.
func (s *search) queueWalk(b *pgx.Batch, out *[]candidate) {
	wide := max(sketched, 2*s.depth)
	b.Queue(walkIndex, fmt.Sprint(wide), "off", fmt.Sprint(scanLimit))
	sql := fmt.Sprintf(`WITH n AS MATERIALIZED (SELECT v.tenant, v.id, v.embedding FROM {s}.vector v
			WHERE v.live AND v.model = %[1]s ORDER BY v.sketch <~> $%[2]d LIMIT %[3]d),
		m AS MATERIALIZED (SELECT tenant, id, embedding::halfvec(%[4]d) <=> $%[5]d::halfvec(%[4]d) AS d FROM n ORDER BY d, id LIMIT %[6]d)
		SELECT m.id::text, m.d FROM m JOIN {s}.memory t ON t.tenant = m.tenant AND t.id = m.id WHERE %[7]s ORDER BY m.d, m.id LIMIT %[8]d`,
		literal(s.Model), len(s.conditions.args)+1, wide, len(s.Vector), len(s.conditions.args)+2, 2*s.depth, s.conditions, s.depth)
	b.Queue(in(s.schema, sql), s.args(sketch(s.Vector), pgvector.NewHalfVector(s.Vector))...).Query(collect(out))
}

// queueFilteredWalk goes on with the walk until enough items pass the filter.
func (s *search) queueFilteredWalk(b *pgx.Batch, out *[]candidate) {
	b.Queue(walkIndex, fmt.Sprint(max(sketched, 2*s.depth)), "relaxed_order", fmt.Sprint(scanLimit))
	sql := fmt.Sprintf(`WITH n AS MATERIALIZED (SELECT t.id, v.embedding
			FROM {s}.vector v JOIN {s}.memory t ON t.tenant = v.tenant AND t.id = v.id
			WHERE v.live AND v.model = %[1]s AND %[2]s ORDER BY v.sketch <~> $%[3]d LIMIT %[4]d)
		SELECT id::text, embedding::halfvec(%[5]d) <=> $%[6]d::halfvec(%[5]d) AS d FROM n ORDER BY d, id LIMIT %[7]d`,
		literal(s.Model), s.conditions, len(s.conditions.args)+1, 2*s.depth, len(s.Vector), len(s.conditions.args)+2, s.depth)
	b.Queue(in(s.schema, sql), s.args(sketch(s.Vector), pgvector.NewHalfVector(s.Vector))...).Query(collect(out))
}

// queueExact computes the distance of every item that matches.
func (s *search) queueExact(b *pgx.Batch, out *[]candidate) {
	some := ""
	if s.fewer > 0 {
		some = fmt.Sprintf("LIMIT %d", s.fewer)
	}
	sql := fmt.Sprintf(`WITH n AS MATERIALIZED (SELECT t.tenant, t.id FROM {s}.memory t WHERE %[1]s %[2]s)
		SELECT n.id::text, v.embedding::halfvec(%[3]d) <=> $%[4]d::halfvec(%[3]d) AS d
		FROM n JOIN {s}.vector v ON v.tenant = n.tenant AND v.id = n.id AND v.model = $%[5]d
		ORDER BY d, n.id LIMIT %[6]d`, s.conditions, some, len(s.Vector), len(s.conditions.args)+1, len(s.conditions.args)+2, s.depth)
	b.Queue(in(s.schema, sql), s.args(pgvector.NewHalfVector(s.Vector), s.Model)...).Query(collect(out))
}

// args are those of the filter, and more.
func (s *search) args(more ...any) []any {
	return append(append([]any{}, s.conditions.args...), more...)
}
