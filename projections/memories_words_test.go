package projections_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/projections"
)

// TestSearchByWords asks for a common word and a rare one. The item that says
// the common one most comes after the one that says the rare one once.
func TestSearchByWords(t *testing.T) {
	t.Parallel()
	b := searching(t)
	var items []*known
	for i := range 200 {
		items = append(items, &known{spec: memory.Spec{Text: fmt.Sprintf("The server of house %d listens.", i)}})
	}
	loud := &known{spec: memory.Spec{Text: "server server server server server"}}
	rare := &known{spec: memory.Spec{Text: "There is a turbine, which is served by the parseConfig of the night shift."}}
	gone := &known{spec: memory.Spec{Text: "turbine"}, then: []memory.Event{memory.Forgotten{}}}
	other := &known{spec: memory.Spec{Text: "turbine", Scope: memory.TeamScope("red")}}
	b.remember(t, time.Now(), append(items, loud, rare, gone, other)...)
	b.caughtUp(t)
	if _, err := b.pool.Exec(t.Context(), "ANALYZE "+b.schema(t, "memories")+".memory"); err != nil {
		t.Fatal(err)
	}
	all := projections.Scopes{memory.TenantScope}
	got := b.recall(t, projections.Recall{Text: "turbine server", Scopes: all, Limit: 100})
	if ids := hitIDs(got); len(ids) != 100 || ids[0] != rare.id || ids[1] != loud.id || slices.Contains(ids, gone.id) || slices.Contains(ids, other.id) {
		t.Errorf("the rare word %d, the loud item %d of %d", slices.Index(ids, rare.id), slices.Index(ids, loud.id), len(ids))
	}
	for i, h := range got.Hits {
		if h.Meaning != 0 || h.Words == 0 || h.WordRank <= 0 || h.Score <= 0 || i > 0 && h.Score > got.Hits[i-1].Score {
			t.Fatalf("hit %d: %+v", i, h)
		}
	}
	for text, want := range map[string][]string{
		"turbines": {rare.id}, "TURBINE": {rare.id}, "config": {rare.id}, "parse_config": {rare.id}, "the of and": {}, "unheard": {}, "": {},
	} {
		if diff := cmp.Diff(want, hitIDs(b.recall(t, projections.Recall{Text: text, Scopes: all}))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestSearchByBoth asks by words and by meaning, and wants of each hit the
// place that either gave it; and what says the same as a better hit, or nearly
// so, stands under that one.
func TestSearchByBoth(t *testing.T) {
	t.Parallel()
	b := searching(t)
	now, rng := time.Now(), rand.New(rand.NewPCG(5, 6)) //nolint:gosec // not for secrets
	v := direction(t, rng)
	beside := func(off float32) memory.Vector {
		w := slices.Clone(v)
		for d := range w {
			w[d] += off / 4 * float32(1-2*(d%2))
		}
		return held(t, w)
	}
	both := &known{spec: memory.Spec{Text: "apples are stored in the cellar", Importance: 0.9}, vector: v}
	words := &known{spec: memory.Spec{Text: "apples"}}
	nearly := &known{spec: memory.Spec{Text: "fruit is stored below"}, vector: beside(0.05)}
	same := &known{spec: memory.Spec{Text: "apples are stored in the cellar", Subject: "fruit"}}
	lost := &known{spec: memory.Spec{Text: "apples stored"}, vector: v, then: []memory.Event{memory.Forgotten{}}}
	meaning := &known{spec: memory.Spec{Text: "below the house"}, vector: beside(0.8)}
	if near, far := cosine(v, nearly.vector), cosine(v, meaning.vector); near > 0.01 || far < 0.1 {
		t.Fatalf("%g and %g away", near, far)
	}
	last := b.remember(t, now, both, words, nearly, same, lost, meaning)
	r := b.recall(t, projections.Recall{Text: "apples stored", Vector: v, Model: searchModel, After: last})
	if diff := cmp.Diff(sorted(both.id, words.id, meaning.id), sorted(hitIDs(r)...)); diff != "" || r.Hits[0].ID != both.id {
		t.Fatalf("found %+v: %s", r.Hits, diff)
	}
	if diff := cmp.Diff(sorted(nearly.id, same.id), sorted(r.Hits[0].Folded...)); diff != "" {
		t.Errorf("folded: %s", diff)
	}
	if r.Seq < last || r.Matching != 5 || !r.Exact {
		t.Errorf("answered at %d after %d, of %d items", r.Seq, last, r.Matching)
	}
	for _, h := range r.Hits {
		byWords, byMeaning := h.ID != meaning.id, h.ID != words.id
		if (h.Words > 0) != byWords || (h.WordRank > 0) != byWords || (h.Meaning > 0) != byMeaning || h.Score <= 0 || h.Recency < 0.99 || h.Recency > 1 {
			t.Errorf("%s: %+v", h.Text, h)
		}
		if h.ID == meaning.id && (h.Meaning != 3 || math.Abs(h.Distance-cosine(v, meaning.vector)) > 1e-5) {
			t.Errorf("by meaning: place %d, %g away; want 3, %g", h.Meaning, h.Distance, cosine(v, meaning.vector))
		}
	}
	without := b.recall(t, projections.Recall{Text: "apples stored", Vector: v, Model: searchModel, Not: both.id})
	if ids := hitIDs(without); slices.Contains(ids, both.id) || !slices.Contains(ids, same.id) {
		t.Errorf("without one: %v", ids)
	}
	last = b.decide(t, memory.EntityKind, both.id, both.seq, wire(memory.Schema, memory.Forgotten{}))
	if ids := hitIDs(b.recall(t, projections.Recall{Vector: v, Model: searchModel, After: last})); !slices.Equal(ids, []string{nearly.id, meaning.id}) {
		t.Errorf("after one is forgotten: %v", ids)
	}
}

func sorted(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }

// TestOddQueries wants no error of any text.
func TestOddQueries(t *testing.T) {
	t.Parallel()
	b := searching(t)
	rng := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // not for secrets
	v := direction(t, rng)
	texts := []string{
		"'", `"`, `\`, `\'`, `it's`, `a\b`, "''''", `'a' & !b | (c <-> d:*)`, ":*", "!", "a:A", "<->", "%", "_", "$1", "{s}", "%d", "a,b", "{a,b}", "NULL",
		"\x00", "a\x00b", "\xff\xfe", " ", "\n\t", "the and of", "🙂 emoji 漢字 مرحبا", "http://example.com/it's/here", "http://a.b/c?d=e&f='g'", `C:\temp\new`, "1e400", "-1 +2 3.4.5",
		strings.Repeat("a", 8<<10), strings.Repeat("long word ", 820), strings.Repeat("'\\", 4<<10), strings.Repeat("aB_", 2700), words(8 << 10),
	}
	var items []*known
	for _, text := range texts {
		if s := (memory.Spec{Text: text}).WithDefaults(); s.Validate(time.Now()) == nil {
			items = append(items, &known{spec: s, vector: v})
		}
	}
	b.remember(t, time.Now(), items...)
	b.caughtUp(t)
	if n := b.p.Health().Parked; n > 0 {
		t.Errorf("%d items cannot be kept", n)
	}
	for range 300 {
		texts = append(texts, odd(rng))
	}
	for _, text := range texts {
		for _, with := range []memory.Vector{nil, v} {
			if _, err := b.p.Recall(t.Context(), searchTenant, projections.Recall{Text: text, Vector: with, Model: searchModel}); err != nil {
				t.Errorf("%.80q: %v", text, err)
			}
		}
	}
	for _, text := range []string{"http://example.com/it's/here", `C:\temp\new`, "漢字"} { // what is odd is found, too
		if hits := b.recall(t, projections.Recall{Text: text}).Hits; len(hits) == 0 || !strings.Contains(hits[0].Text, text) {
			t.Errorf("%q is not found, but %+v", text, hits)
		}
	}
}

// words are so many bytes of words, all different.
func words(size int) string {
	var s strings.Builder
	for i := 0; s.Len() < size; i++ {
		fmt.Fprintf(&s, "w%dx ", i)
	}
	return s.String()
}

func odd(rng *rand.Rand) string {
	const parts = "'\"\\&|!():*<->  aeiXY_09%$\x00\xff@/.,;{}[]é漢"
	text := make([]byte, 1+rng.IntN(40))
	for i := range text {
		text[i] = parts[rng.IntN(len(parts))]
	}
	return string(text)
}
