package projections

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/eventstore"
)

// record makes event seq of entity n, as event i of a decision of count.
func record(seq uint64, n, i, count int) *item {
	return decode(eventstore.Record{
		Seq: seq, Entity: eventstore.Entity{Tenant: "t", Kind: "task", ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n)},
		Type: "task.cancelled", Schema: 2, Data: []byte("{}"), Index: i, Count: count,
	}, true)
}

func seqs(items []*item) []uint64 {
	out := []uint64{}
	for _, it := range items {
		out = append(out, it.Seq)
	}
	return out
}

func TestPlanParksWhatIsTied(t *testing.T) {
	t.Parallel()
	m := &member{def: tasksDefinition(), model: newTasks(), seq: 1, parked: map[string]string{}}
	bad := record(3, 1, 2, 2)
	bad.bad = errors.New("unknown")
	todo := m.plan([]*item{
		record(1, 9, 1, 1),      // before the checkpoint
		record(2, 2, 1, 2), bad, // 2 is tied to 1, which fails
		record(4, 3, 1, 1),                     // free
		record(5, 2, 1, 2), record(6, 4, 2, 2), // 4 is tied to 2
		record(7, 4, 1, 1), // behind
		record(8, 3, 1, 1), // free
	})
	if diff := cmp.Diff([]uint64{4, 8}, seqs(todo)); diff != "" {
		t.Error(diff)
	}
	parties := map[string]bool{}
	for _, p := range m.parked {
		parties[p] = true
	}
	if len(m.parked) != 3 || len(parties) != 1 || len(m.pending) != 5 {
		t.Errorf("parked %v, pending %+v", m.parked, m.pending)
	}
	for _, row := range m.pending {
		if row.behind == (row.seq == 3) {
			t.Errorf("event %d: behind %t", row.seq, row.behind)
		}
	}
}

func TestPartiesMerge(t *testing.T) {
	t.Parallel()
	m := &member{def: tasksDefinition(), model: newTasks(), parked: map[string]string{}}
	m.park([]*item{record(1, 1, 1, 1)}, errors.New("no"))
	m.park([]*item{record(2, 2, 1, 1)}, errors.New("no"))
	m.plan([]*item{record(3, 1, 1, 2), record(4, 2, 2, 2)})
	if a, b := m.parked[record(1, 1, 1, 1).key()], m.parked[record(2, 2, 1, 1).key()]; a != b || a == "" {
		t.Errorf("two parties are left: %q and %q", a, b)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	act := record(5, 1, 1, 1)
	act.action = projection.RebuildRequested{}
	batch := []*item{record(1, 1, 1, 2), record(2, 2, 2, 2), record(3, 1, 1, 2), record(4, 2, 2, 2), act, record(6, 1, 1, 1)}
	for _, tt := range []struct{ from, limit, want int }{
		{0, 3, 2}, {0, 1, 2}, {0, 4, 4}, {0, 100, 4}, {4, 100, 1}, {5, 100, 1},
	} {
		if got := cut(batch[tt.from:], tt.limit); got != tt.want {
			t.Errorf("from %d, at most %d: %d, want %d", tt.from, tt.limit, got, tt.want)
		}
	}
}

func TestWorksetIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorkset[int](10)
	for n := range 1000 {
		k := record(1, n, 1, 1).row()
		w.put(k, &n)
		w.settle()
		if got := w.get(k); got == nil || *got != n {
			t.Fatalf("row %d is gone at once", n)
		}
		if size := len(w.young) + len(w.old); size > 13 {
			t.Fatalf("%d rows are kept, 10 is the limit", size)
		}
	}
}

func TestVersionNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"0.7.0": 7_000, "0.8.4": 8_004, "0.8": 8_000, "1.2.3": 1_002_003, "": 0, "0.6.2": 6_002} {
		if got := versionNumber(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
