package memory_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain/memory"
)

func TestFold(t *testing.T) {
	t.Parallel()
	importance := 0.9
	events := []memory.Event{
		remembered(), embedded("a"),
		memory.Reinforced{Reason: memory.ReasonUsed},
		memory.Reinforced{Reason: memory.ReasonHelpful},
		memory.Reinforced{Reason: memory.ReasonUnhelpful},
		memory.Reinforced{Reason: memory.ReasonUnhelpful},
		memory.Reinforced{Reason: memory.ReasonRepeated, ExpiresAt: day(9)},
		memory.Superseded{By: otherID},
	}
	want := memory.Item{
		ID: itemID, Spec: until(day(9)), Hash: plain().Hash(), Status: memory.StatusSuperseded, ReplacedBy: otherID,
		Embedded: map[string]memory.Embedding{"a": {Dimensions: 3, Hash: plain().Hash()}},
		Used:     1, Helpful: -1, Repeats: 1, RememberedAt: instant(0), UsedAt: instant(6), UpdatedAt: instant(7),
	}
	if diff := cmp.Diff(want, fold(events)); diff != "" {
		t.Error(diff)
	}
	events = append(events, memory.Restored{ExpiresAt: day(20)}, memory.Corrected{Text: "x", Hash: digest, Importance: &importance, Tags: []string{}})
	want.Status, want.ReplacedBy, want.ExpiresAt, want.UpdatedAt = memory.StatusLive, "", day(20), instant(9)
	want.Text, want.Hash, want.Importance, want.Tags, want.Embedded = "x", digest, 0.9, []string{}, nil
	if diff := cmp.Diff(want, fold(events)); diff != "" {
		t.Error(diff)
	}
}

// anEvent draws any event, sensible or not.
func anEvent(t *rapid.T) memory.Event {
	text := rapid.SampledFrom([]string{"", "h1", "h2", "a"})
	draw := func() string { return text.Draw(t, "text") }
	switch rapid.IntRange(0, 7).Draw(t, "event") {
	case 0:
		return memory.Remembered{Spec: memory.Spec{Text: draw()}, Hash: draw()}
	case 1:
		return memory.Embedded{Model: draw(), Hash: draw(), Dimensions: rapid.Int().Draw(t, "dims")}
	case 2:
		return memory.Superseded{By: draw()}
	case 3:
		return memory.Merged{Into: draw()}
	case 4:
		return memory.Reinforced{Reason: memory.Reason(rapid.SampledFrom([]string{"", "used", "repeated", "helpful"}).Draw(t, "reason"))}
	case 5:
		return memory.Corrected{Text: draw(), Hash: draw()}
	case 6:
		return memory.Forgotten{}
	default:
		return memory.Restored{}
	}
}

// Facts in any order: nothing panics, a vector is always the present content's,
// restored always makes live, and the item before is never changed.
func TestAnyFactsFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i := memory.Item{ID: itemID}
		for n := range rapid.IntRange(0, 30).Draw(t, "facts") {
			e := anEvent(t)
			before, vectors := i, maps.Clone(i.Embedded)
			i = i.Apply(e, instant(n))
			if !maps.Equal(before.Embedded, vectors) {
				t.Fatalf("%T changed the item before", e)
			}
			for model, v := range i.Embedded {
				if v.Hash != i.Hash {
					t.Fatalf("after %T: the vector of %q is %q's, the content %q", e, model, v.Hash, i.Hash)
				}
			}
			if _, ok := e.(memory.Restored); ok && (i.Status != memory.StatusLive || i.ReplacedBy != "") {
				t.Fatalf("restored: %+v", i)
			}
		}
	})
}

// steps are decisions whose refusals are part of the walk.
func steps(t *rapid.T) decision {
	texts := rapid.SampledFrom([]string{"one", "two", "three"})
	other := rapid.SampledFrom([]string{otherID, taskID})
	late := embedded(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "model"))
	late.Hash = memory.Spec{Text: texts.Draw(t, "of")}.WithDefaults().Hash()
	return rapid.SampledFrom([]decision{
		remember(memory.Spec{Text: texts.Draw(t, "text")}), embed(late), embed(late), supersede(other.Draw(t, "by")), merge(other.Draw(t, "into")),
		forget, restore, correct(memory.Correction{Text: texts.Draw(t, "new")}), reinforce(memory.ReasonUsed), repeat,
	}).Draw(t, "step")
}

// Whatever is decided in whatever order: the hash is the content's, a vector
// lands once for a model and content and only while it is live, what is not
// live comes back by restore as it was, and doing a thing again adds nothing.
func TestAnyOrderOfDecisions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i, landed := memory.Item{ID: itemID}, map[string]bool{}
		for n := range rapid.IntRange(1, 40).Draw(t, "steps") {
			events, err := steps(t)(i)
			if err != nil && len(events) > 0 {
				t.Fatalf("refused with %v: %v", events, err)
			}
			for _, e := range events {
				if v, ok := e.(memory.Embedded); ok {
					once(t, i, v, landed)
				}
				i = i.Apply(e, instant(n))
				if _, ok := e.(memory.Corrected); ok {
					landed = map[string]bool{}
				}
			}
			if i.Exists() && i.Hash != i.Spec.Hash() {
				t.Fatalf("hash %s of %q", i.Hash, i.Text)
			}
			comesBack(t, i, instant(n))
		}
	})
}

func once(t *rapid.T, i memory.Item, v memory.Embedded, landed map[string]bool) {
	t.Helper()
	key := fmt.Sprint(v.Model, v.Hash)
	if v.Hash != i.Hash || i.Status != memory.StatusLive || landed[key] {
		t.Fatalf("%s of %s landed on %+v", v.Model, v.Hash, i)
	}
	landed[key] = true
}

// comesBack takes a live item away in each way, and restores it.
func comesBack(t *rapid.T, i memory.Item, at time.Time) {
	t.Helper()
	if i.Status != memory.StatusLive {
		return
	}
	for name, away := range map[string]decision{"superseded": supersede(otherID), "merged": merge(otherID), "forgotten": forget} {
		there := i
		for _, step := range []decision{away, away, restore, restore} {
			events, err := step(there)
			if err != nil {
				t.Fatalf("%s and restored: %v", name, err)
			}
			for _, e := range events {
				there = there.Apply(e, at)
			}
		}
		if diff := cmp.Diff(i, there, cmpopts.IgnoreFields(memory.Item{}, "UpdatedAt")); diff != "" {
			t.Fatalf("%s and restored (-before +after):\n%s", name, diff)
		}
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	i := memory.Item{Spec: until(instant(5))}
	if i.Expired(instant(4)) || !i.Expired(instant(5)) || (memory.Item{}).Expired(instant(4)) {
		t.Error("an item lasts until its expiry, and one without for ever")
	}
}

// The hash tells apart what a reader would.
func TestHash(t *testing.T) {
	t.Parallel()
	base := full()
	seen := map[string]string{base.Hash(): "the same"}
	for name, change := range map[string]func(*memory.Spec){
		"text":       func(s *memory.Spec) { s.Text += "." },
		"media type": func(s *memory.Spec) { s.MediaType = "text/plain" },
		"artifact":   func(s *memory.Spec) { s.Artifact = nil },
	} {
		s := full()
		change(&s)
		if as, ok := seen[s.Hash()]; ok {
			t.Errorf("another %s hashes like %s", name, as)
		}
		seen[s.Hash()] = name
	}
	other := full()
	other.Kind, other.Scope, other.Subject, other.Tags, other.Importance, other.Place = memory.KindFact, memory.TenantScope, "", nil, 1, nil
	if other.Hash() != base.Hash() {
		t.Error("the hash depends on more than the content")
	}
}
