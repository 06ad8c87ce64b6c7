package bench

import (
	"slices"
	"testing"

	"github.com/hivemesh/hivemesh/client"
)

// TestAgreement: a hit counts when it is among the nearest, folds one of them,
// or is as near as the last; one that is farther does not.
func TestAgreement(t *testing.T) {
	t.Parallel()
	want := []neighbour{{"a", 0.1}, {"b", 0.2}, {"c", 0.3}, {"d", 0.3}}
	hit := func(id string, distance float64, folded ...string) client.MemoryHit {
		return client.MemoryHit{Memory: client.Memory{ID: id}, Distance: &distance, Folded: folded}
	}
	got := agreement(want, []client.MemoryHit{hit("a", 0.1, "b"), hit("tie", 0.3), hit("far", 0.31)})
	if got != 3 { // a, b under it, and the tie
		t.Errorf("%d of the nearest were found, not 3", got)
	}
}

// TestPassages: all items differ, and
// the tags name the shares that they say.
func TestPassages(t *testing.T) {
	t.Parallel()
	items, err := passages(2_000)
	if err != nil {
		t.Fatal(err)
	}
	seen, tags := map[string]bool{}, map[string]int{}
	for _, i := range items {
		if i.Text == "" || seen[i.Text] {
			t.Fatalf("an item is empty or comes twice: %.40q", i.Text)
		}
		seen[i.Text] = true
		for _, tag := range i.Tags {
			tags[tag]++
		}
	}
	if len(items) != 2_000 || tags[tagTenth] != 200 || tags[tagThousandth] != 2 || slices.Contains(items[1].Tags, tagTenth) {
		t.Errorf("%d items, tags %v", len(items), tags)
	}
}
