package api_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// reader is somebody who asks, and all that a plain reading of docs/memory.md
// lets them recall.
type reader struct {
	name   string
	id     string
	c      *client.Client
	teams  []string
	all    bool // recalls every item of the tenant
	none   bool // recalls nothing
	abroad bool // of the other tenant
}

// kept is an item and its scope.
type kept struct{ id, scope, text string }

// may is the oracle.
func (r reader) may(k kept) bool {
	switch {
	case r.none || r.abroad:
		return false
	case r.all || k.scope == "tenant" || k.scope == "agent:"+r.id:
		return true
	}
	team, ok := strings.CutPrefix(k.scope, "team:")
	return ok && slices.Contains(r.teams, team)
}

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
			wanted := map[string]kept{}
			for _, k := range items {
				if r.may(k) {
					wanted[k.id] = k
				}
			}
			r.lists(t, wanted)
			r.shows(t, items, wanted)
			r.searches(t, items, wanted, rng)
			r.packs(t, items, wanted)
		})
	}
}

// leakReaders makes principals with random teams.
func leakReaders(t *testing.T, m *apitest.Mesh, rng *rand.Rand) []reader {
	t.Helper()
	makeTenant(t, m, "leaks")
	makeTenant(t, m, "leaks-other")
	_, owner := as(t, m, "leaks", "owner", identity.RoleTenantAdmin)
	for name, permission := range map[string]string{"leak-reader": "memory.read", "leak-auditor": "memory.read_all", "leak-blind": "task.read"} {
		if _, err := owner.DefineRole(t.Context(), client.Role{Name: name, Permissions: []string{permission}}); err != nil {
			t.Fatal(err)
		}
	}
	readers := []reader{{name: "owner", c: owner, all: true}}
	for i := range 6 {
		r := reader{name: fmt.Sprintf("reader-%d", i)}
		r.id, r.c = as(t, m, "leaks", r.name, "leak-reader")
		readers = append(readers, r)
	}
	auditor, blind, abroad := reader{name: "auditor", all: true}, reader{name: "blind", none: true}, reader{name: "abroad", abroad: true}
	auditor.id, auditor.c = as(t, m, "leaks", "auditor", "leak-auditor")
	blind.id, blind.c = as(t, m, "leaks", "blind", "leak-blind")
	abroad.id, abroad.c = as(t, m, "leaks-other", "abroad", identity.RoleTenantAdmin)
	readers = append(readers, auditor, blind, abroad)
	for i := range readers {
		r := &readers[i]
		for _, team := range []string{"red", "green", "blue"} {
			if r.id != "" && rng.IntN(2) == 0 {
				r.teams = append(r.teams, team)
			}
		}
		if !r.abroad && len(r.teams) > 0 {
			if _, err := owner.SetTeams(t.Context(), r.name, r.teams); err != nil {
				t.Fatal(err)
			}
		}
	}
	return readers
}

// leakItems keeps items in random scopes, and waits until they are found.
func leakItems(t *testing.T, readers []reader, rng *rand.Rand) []kept {
	t.Helper()
	owner := readers[0].c
	scopes := []string{"tenant", "team:red", "team:green", "team:blue"}
	for _, r := range readers[1:] {
		scopes = append(scopes, "agent:"+r.id)
	}
	words := strings.Fields("harbour lantern violin marble saddle copper thunder orchid glacier pepper anchor velvet")
	var items []kept
	after := ""
	for i := range 60 {
		k := kept{scope: scopes[rng.IntN(len(scopes))]}
		k.text = fmt.Sprintf("leak item %x", rng.Uint64())
		for range 8 {
			k.text += " " + words[rng.IntN(len(words))]
		}
		got, err := owner.Remember(t.Context(), client.RememberRequest{Text: k.text, Kind: "episode", Scope: k.scope, Tags: []string{fmt.Sprint("t", i%3)}})
		if err != nil {
			t.Fatal(err)
		}
		k.id, after = got.ID, got.Position
		items = append(items, k)
	}
	apitest.Eventually(t, func() bool {
		found, err := owner.Search(t.Context(), client.SearchRequest{Query: "leak item", Mode: "meaning", Limit: 100, After: after})
		return err == nil && len(ids(found)) == len(items)
	})
	return items
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
	stats, err := r.c.MemoryStats(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, c := range stats.Items {
		n += c.Items
	}
	if n != int64(len(wanted)) {
		t.Errorf("the statistics count %d items, not %d", n, len(wanted))
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
		for _, query := range []string{"leak item", items[rng.IntN(len(items))].text, "harbour velvet"} {
			for _, filter := range []string{"", "tag:t1", "scope:team:red", "scope:agent:" + items[rng.IntN(len(items))].id, "kind:episode"} {
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
		if q.Mode == "meaning" && (q.Filter == "" || q.Filter == "kind:episode") {
			r.same(t, fmt.Sprintf("%+v", q), ids(found), wanted)
		}
	}
	together, err := r.c.SearchAll(t.Context(), asked[:40])
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
	pack, err := r.c.Pack(t.Context(), client.PackRequest{Query: "leak item harbour", Budget: 100_000})
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
