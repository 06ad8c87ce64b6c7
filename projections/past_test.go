package projections_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// TestPast: what is shown as of an event is what was live then, table by
// table; a rebuild meanwhile takes nothing away, and nothing is left behind.
func TestPast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	rng := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a test draws
	history := projectionstest.New(7)
	type point struct {
		seq    uint64
		hashes map[string]string
	}
	var points []point
	for range 8 {
		if err := history.Append(t.Context(), b.store, 60+rng.IntN(200)); err != nil {
			t.Fatal(err)
		}
		p := point{seq: b.caughtUp(t), hashes: map[string]string{}}
		for _, n := range b.names(t) {
			p.hashes[n] = b.hash(t, n)
		}
		points = append(points, p)
	}
	schemas := b.schemas(t)
	rng.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	for i, p := range points {
		for n, want := range p.hashes {
			got, _, err := b.p.Hash(projections.AsOf(t.Context(), p.seq), n)
			if err != nil || got != want {
				t.Errorf("%s as of %d: %s, was %s: %v", n, p.seq, got, want, err)
			}
		}
		if i == 0 {
			if err := b.p.Rebuild(t.Context(), "tasks", nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := b.p.Hash(projections.AsOf(t.Context(), points[0].seq), "tasks"); err != nil {
			t.Errorf("tasks as of %d, once more: %v", points[0].seq, err)
		}
		if i%2 == 1 {
			b.p.DropPasts()
		}
	}
	if after := b.schemas(t); after != schemas+1 { // of the rebuild: the one before is kept
		t.Errorf("%d schemas, before %d", after, schemas)
	}
}

// A limit on how many are kept is told, and what exists goes on.
func TestPastsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	if err := projectionstest.New(8).Append(t.Context(), b.store, 100); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	ask := func(seq uint64) error {
		_, _, err := b.p.Hash(projections.AsOf(t.Context(), seq), "agents")
		return err
	}
	refused := 0
	for seq := uint64(1); seq <= 30; seq++ {
		err := ask(seq)
		var e *domain.Error
		if errors.As(err, &e) && e.Code == "past_full" {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 6 {
		t.Errorf("%d of 30 were refused", refused)
	}
	if err := ask(1); err != nil {
		t.Errorf("the first: %v", err)
	}
}

// schemas counts the generations of all read models.
func (b *bundle) schemas(t *testing.T) int {
	t.Helper()
	var n int
	if err := b.pool.QueryRow(context.Background(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'proj\_%'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
