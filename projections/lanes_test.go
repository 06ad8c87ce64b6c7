package projections_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// TestHeavyLaneHoldsNobodyBack stops the heavy lane in the middle of a
// transaction, by a lock on one of its tables: the light one goes on, and the
// heavy one does when the lock is gone.
func TestHeavyLaneHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	h := projectionstest.New(51)
	if err := h.Append(t.Context(), b.store, 300); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE "+b.schema(t, "memories")+".memory IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := h.Append(t.Context(), b.store, 300); err != nil {
			t.Fatal(err)
		}
		last, err := b.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		page, err := b.p.Tasks(t.Context(), h.Tenant, projections.Query{After: last, Limit: 1})
		if err != nil || page.Seq < last {
			t.Fatalf("tasks at %d of %d after %s, %v", page.Seq, last, time.Since(begun), err)
		}
	}
	seqs := map[string]uint64{}
	states, err := b.p.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		seqs[s.Name] = s.Seq
	}
	if seqs["memories"] >= seqs["tasks"] {
		t.Errorf("the lock held nobody up: %v", seqs)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	b.mustVerify(t)
}
