package projections_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/projections"
)

// population makes n items of random directions. Tags name shares of them;
// every tenth is not to be found, for one of the reasons that there are.
func population(t *testing.T, rng *rand.Rand, n int, now time.Time) []*known {
	t.Helper()
	scopes := []memory.Scope{memory.TenantScope, memory.TeamScope("red"), memory.TeamScope("blue"), memory.AgentScope("a1")}
	other := "0195a0a0-0000-7000-8000-000000000009"
	items := make([]*known, n)
	for i := range items {
		k := &known{spec: memory.Spec{Text: fmt.Sprintf("item number %d", i), Scope: scopes[i%4]}, vector: direction(t, rng)}
		for tag, every := range map[string]int{"half": 2, "tenth": 9, "hundredth": 101, "thousandth": 997} {
			if i%every == 1 {
				k.spec.Tags = append(k.spec.Tags, tag)
			}
		}
		k.gone = true
		switch i % 60 {
		case 7:
			k.then = []memory.Event{memory.Forgotten{}}
		case 17:
			k.then = []memory.Event{memory.Superseded{By: other}}
		case 27:
			k.then = []memory.Event{memory.Merged{Into: other}}
		case 37:
			k.spec.ExpiresAt = now.Add(-time.Second)
		case 47: // an expiry that a repetition brings forward
			k.spec.ExpiresAt = now.Add(time.Hour)
			k.then = []memory.Event{memory.Reinforced{Reason: memory.ReasonRepeated, ExpiresAt: now.Add(-time.Second)}}
		case 57: // a text that nothing has embedded since; to be found by its words
			k.then = []memory.Event{memory.Corrected{Text: "corrected", Hash: memory.Spec{Text: "corrected"}.WithDefaults().Hash()}}
		default:
			k.gone = false
		}
		switch i % 60 {
		case 8: // back again, and what was embedded meanwhile counts
			k.then = []memory.Event{memory.Forgotten{}, memory.Restored{}}
		case 18: // would be gone, and is not, since it was restored for longer
			k.spec.ExpiresAt = now.Add(-time.Second)
			k.then = []memory.Event{memory.Forgotten{}, memory.Restored{ExpiresAt: now.Add(time.Hour)}}
		}
		items[i] = k
	}
	return items
}

// TestSearchByMeaning compares searches of 3,000 items with a look at each of
// them, by the index of vectors and by computing every distance.
func TestSearchByMeaning(t *testing.T) {
	t.Parallel()
	b := searching(t)
	now, rng := time.Now(), rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	items := population(t, rng, 3000, now)
	b.remember(t, now, items...)
	b.caughtUp(t)
	for path, rows := range map[string]int{"every distance": 1_000_000, "the index": 0} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := &bundle{pool: b.pool, p: b.open(t, b.store)}
			b.p.SearchExactly(rows)
			rng := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // not for secrets
			for _, s := range selections() {
				b.comparesWell(t, rng, items, s, rows > 0)
			}
		})
	}
}

// selection narrows a search, and says which items that leaves.
type selection struct {
	filter string
	scopes projections.Scopes
	keep   func(*known) bool
	walks  bool // the index brings enough
}

func selections() []selection {
	tagged := func(tag string) func(*known) bool {
		return func(k *known) bool { return slices.Contains(k.spec.Tags, tag) }
	}
	red := projections.Scopes{memory.TeamScope("red"), memory.AgentScope("a1")}
	return []selection{
		{walks: true, keep: func(*known) bool { return true }},
		{walks: true, filter: "tag:half", keep: tagged("half")},
		{walks: true, filter: "tag:tenth", keep: tagged("tenth")},
		{filter: "tag:hundredth", keep: tagged("hundredth")},
		{filter: "tag:thousandth", keep: tagged("thousandth")},
		{filter: "tag:nothing", keep: func(*known) bool { return false }},
		{walks: true, scopes: red, keep: func(k *known) bool { return slices.Contains(red, k.spec.Scope) }},
		{scopes: projections.Scopes{}, keep: func(*known) bool { return false }},
	}
}

// comparesWell searches for random directions, and wants what is nearest:
// exactly, or 95 of 100.
func (b *bundle) comparesWell(t *testing.T, rng *rand.Rand, items []*known, s selection, exact bool) {
	t.Helper()
	const limit, queries = 10, 20
	found, all := 0, 0
	for range queries {
		v := direction(t, rng)
		want := nearest(items, v, limit, s.keep)
		r := b.recall(t, projections.Recall{Vector: v, Model: searchModel, Filter: s.filter, Scopes: s.scopes, Limit: limit})
		got := hitIDs(r)
		if len(got) != len(want) || r.Exact != (exact || !s.walks) {
			t.Fatalf("%q in %q: %d hits of %d, exact %t", s.filter, s.scopes, len(got), len(want), r.Exact)
		}
		if diff := cmp.Diff(want, got); exact && diff != "" {
			t.Errorf("%q in %q: %s", s.filter, s.scopes, diff)
		}
		for _, id := range got {
			i := slices.IndexFunc(items, func(k *known) bool { return k.id == id })
			if k := items[i]; k.gone || !s.keep(k) {
				t.Errorf("%q in %q: found item %d, %+v", s.filter, s.scopes, i, k)
			}
			if slices.Contains(want, id) {
				found++
			}
		}
		all += len(want)
	}
	if float64(found) < 0.95*float64(all) {
		t.Errorf("%q in %q: found %d of the %d nearest", s.filter, s.scopes, found, all)
	}
}
