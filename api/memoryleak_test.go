package api_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// testMemoryLeaks: over random items, scopes, teams and readers, every way of
// asking gives what the oracle permits and nothing else.
func testMemoryLeaks(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	readers := leakReaders(t, m, rng)
	items := leakItems(t, readers, rng)
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			wanted := r.wanted(items)
			r.lists(t, wanted)
			r.counts(t, wanted)
			r.shows(t, items, wanted)
			r.searches(t, items, wanted, rng)
			r.packs(t, items, wanted)
		})
	}
}

// ids are the items that a search gave, those that were folded too.
func ids(s client.SearchResult) []string {
	var all []string
	for _, h := range s.Hits {
		all = append(append(all, h.ID), h.Folded...)
	}
	slices.Sort(all)
	return all
}

// refused reports whether an error says that nothing may be recalled.
func (r reader) refused(err error) bool {
	var e *client.Error
	return r.none && errors.As(err, &e) && e.Status == http.StatusForbidden
}

func (r reader) lists(t *testing.T, wanted map[string]kept) {
	t.Helper()
	var got []string
	for cursor := ""; ; {
		page, err := r.c.Memories(t.Context(), client.ListOptions{Limit: 7, Cursor: cursor})
		if r.refused(err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			got = append(got, item.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	r.same(t, "the list", got, wanted)
}

// counts: no number of the statistics tells of an item that is not the reader's.
func (r reader) counts(t *testing.T, wanted map[string]kept) {
	t.Helper()
	stats, err := r.c.MemoryStats(t.Context(), "")
	if r.refused(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]int64{}, map[string]int64{}
	for _, c := range stats.Items {
		got[c.Kind] += c.Items
	}
	for _, k := range wanted {
		want[k.kind]++
	}
	if !maps.Equal(got, want) {
		t.Errorf("the statistics count %v, not %v", got, want)
	}
	for _, model := range stats.Models {
		if model.Vectors != int64(len(wanted)) {
			t.Errorf("the statistics count %d vectors of %s, not %d", model.Vectors, model.Model, len(wanted))
		}
	}
}

func (r reader) same(t *testing.T, what string, got []string, wanted map[string]kept) {
	t.Helper()
	if len(got) != len(wanted) {
		t.Errorf("%s has %d items, not %d", what, len(got), len(wanted))
	}
	r.within(t, what, got, wanted)
}

func (r reader) within(t *testing.T, what string, got []string, wanted map[string]kept) {
	t.Helper()
	for _, id := range got {
		if _, ok := wanted[id]; !ok {
			t.Errorf("%s leaks %s", what, id)
		}
	}
}

func (r reader) shows(t *testing.T, items []kept, wanted map[string]kept) {
	t.Helper()
	for _, k := range items {
		got, err := r.c.Memory(t.Context(), k.id, "")
		var e *client.Error
		switch _, ok := wanted[k.id]; {
		case ok && (err != nil || got.Text != k.text):
			t.Errorf("item %s of %s: %v", k.id, k.scope, err)
		case !ok && !r.refused(err) && (!errors.As(err, &e) || e.Status != http.StatusNotFound):
			t.Errorf("item %s of %s is shown: %v", k.id, k.scope, err)
		}
	}
}

func (r reader) searches(t *testing.T, items []kept, wanted map[string]kept, rng *rand.Rand) {
	t.Helper()
	var asked []client.SearchRequest
	for _, mode := range []string{"meaning", "words", "fused"} {
		for _, query := range []string{"leak item", items[rng.IntN(len(items))].text, items[rng.IntN(len(items))].text[:26]} {
			for _, filter := range []string{"", "tag:t1", "scope:team:red", "scope:" + items[rng.IntN(len(items))].scope, "kind:episode"} {
				asked = append(asked, client.SearchRequest{Query: query, Mode: mode, Filter: filter, Limit: 100})
			}
		}
	}
	var batch []client.SearchResult
	for _, q := range asked {
		found, err := r.c.Search(t.Context(), q)
		if r.refused(err) {
			return
		}
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		batch = append(batch, found)
		r.within(t, fmt.Sprintf("%+v", q), ids(found), wanted)
		if q.Mode == "meaning" && q.Filter == "" {
			r.same(t, fmt.Sprintf("%+v", q), ids(found), wanted)
		}
	}
	together, err := r.c.SearchAll(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for i, found := range together {
		if !slices.Equal(ids(found), ids(batch[i])) {
			t.Errorf("%+v gives something else in a batch", asked[i])
		}
	}
	for range 10 {
		k := items[rng.IntN(len(items))]
		found, err := r.c.Search(t.Context(), client.SearchRequest{Like: k.id, Limit: 100})
		if _, ok := wanted[k.id]; !ok && err == nil {
			t.Errorf("what is like %s of %s is found", k.id, k.scope)
		} else if ok && err != nil {
			t.Errorf("like %s: %v", k.id, err)
		}
		r.within(t, "like "+k.id, ids(found), wanted)
	}
}

func (r reader) packs(t *testing.T, items []kept, wanted map[string]kept) {
	t.Helper()
	pack, err := r.c.Pack(t.Context(), client.PackRequest{Query: "leak item", Budget: 100_000})
	if r.refused(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range items {
		if _, ok := wanted[k.id]; !ok && strings.Contains(pack.Text, k.text) {
			t.Errorf("the pack leaks %s of %s", k.id, k.scope)
		}
	}
	for _, item := range pack.Items {
		r.within(t, "the pack", []string{item.ID}, wanted)
	}
	if len(wanted) > 0 && len(pack.Items) == 0 {
		t.Error("the pack is empty")
	}
}
