package projections_test

import (
	"testing"

	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

func TestRebuildEqualsLive(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		b := setup(t)
		run(t, b.p)
		if err := projectionstest.New(seed).Append(t.Context(), b.store, 3000); err != nil {
			t.Fatal(err)
		}
		b.caughtUp(t)
		names := []string{"tasks", "agents", "events"}
		var before []string
		for _, n := range names {
			before = append(before, b.hash(t, n))
			v, err := b.p.Verify(t.Context(), n, nil)
			if err != nil || !v.Equal || v.Rows == 0 {
				t.Fatalf("seed %d: %+v, %v", seed, v, err)
			}
		}
		if err := b.p.Rebuild(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		for i, n := range names {
			if h := b.hash(t, n); h != before[i] {
				t.Errorf("seed %d: %s live %s, rebuilt %s", seed, n, before[i], h)
			}
		}
	}
}
