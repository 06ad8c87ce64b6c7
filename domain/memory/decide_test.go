package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/memory"
)

func plain() memory.Spec {
	return memory.Spec{Text: "Oslo is the capital of Norway.", Tags: []string{"geo"}}.WithDefaults()
}

func remembered() memory.Remembered {
	return memory.Remembered{Spec: plain(), Hash: plain().Hash()}
}

func embedded(model string) memory.Embedded {
	return memory.Embedded{Model: model, Dimensions: 3, Vector: "ADwAwP97", Hash: plain().Hash(), Tokens: 5}
}

func with(more ...memory.Event) []memory.Event { return append([]memory.Event{remembered()}, more...) }

func fold(events []memory.Event) memory.Item {
	i := memory.Item{ID: itemID}
	for n, e := range events {
		i = i.Apply(e, instant(n))
	}
	return i
}

func instant(s int) time.Time { return time.Date(2026, 3, 1, 12, 0, s, 0, time.UTC) }

type decision func(memory.Item) ([]memory.Event, error)

func remember(s memory.Spec) decision {
	return func(i memory.Item) ([]memory.Event, error) { return i.Remember(s, instant(9)) }
}

func repeat(i memory.Item) ([]memory.Event, error) { return i.Repeat(otherID) }

func reinforce(r memory.Reason) decision {
	return func(i memory.Item) ([]memory.Event, error) { return i.Reinforce(r, taskID) }
}

func embed(e memory.Embedded) decision {
	return func(i memory.Item) ([]memory.Event, error) { return i.Embed(e) }
}

func supersede(by string) decision {
	return func(i memory.Item) ([]memory.Event, error) { return i.Supersede(by, "newer") }
}

func merge(into string) decision {
	return func(i memory.Item) ([]memory.Event, error) { return i.Merge(into, 0.25) }
}

func correct(c memory.Correction) decision {
	return func(i memory.Item) ([]memory.Event, error) { return i.Correct(c) }
}

func forget(i memory.Item) ([]memory.Event, error) { return i.Forget("asked for") }

func restore(i memory.Item) ([]memory.Event, error) { return i.Restore("by mistake") }

func until(at time.Time) memory.Spec {
	s := plain()
	s.ExpiresAt = at
	return s
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	type events = []memory.Event
	superseded, merged := memory.Superseded{By: otherID, Reason: "newer"}, memory.Merged{Into: otherID, Distance: 0.25}
	forgotten, restored := memory.Forgotten{Reason: "asked for"}, memory.Restored{Reason: "by mistake"}
	again, short := memory.Restored{Reason: "remembered again"}, memory.Remembered{Spec: until(day(2)), Hash: plain().Hash()}
	half, more := 0.5, 0.75
	bergen := plain()
	bergen.Text = "Bergen is not."
	corrected := memory.Corrected{Text: bergen.Text, Hash: bergen.Hash(), Reason: "wrong"}
	for _, tt := range []struct {
		name        string
		given, then events
		when        decision
	}{
		{"remembered", nil, with(), remember(plain())},
		{"with nothing but a text", nil, with(), remember(memory.Spec{Text: plain().Text, Tags: []string{"geo", "geo"}})},
		{"remembered again", with(), events{memory.Reinforced{Reason: memory.ReasonRepeated}}, remember(plain())},
		{"again, with other tags", with(), events{memory.Reinforced{Reason: memory.ReasonRepeated}}, remember(memory.Spec{Text: plain().Text})},
		{"again, for longer", events{short}, events{memory.Reinforced{Reason: memory.ReasonRepeated, ExpiresAt: day(3)}}, remember(until(day(3)))},
		{"again, for less long", events{short}, events{memory.Reinforced{Reason: memory.ReasonRepeated, ExpiresAt: day(2)}}, remember(until(instant(50)))},
		{"again, for good", events{short}, events{memory.Reinforced{Reason: memory.ReasonRepeated}}, remember(plain())},
		{"again after superseded", with(superseded), events{again}, remember(plain())},
		{"again after merged", with(merged), events{again}, remember(plain())},
		{"again after forgotten", with(forgotten), events{again}, remember(plain())},
		{"said by another item", with(), events{memory.Reinforced{Reason: memory.ReasonRepeated, By: otherID}}, repeat},
		{"said by another item, the expiry stays", events{short}, events{memory.Reinforced{Reason: memory.ReasonRepeated, By: otherID, ExpiresAt: day(2)}}, repeat},
		{"used", events{short}, events{memory.Reinforced{Reason: memory.ReasonUsed, Task: taskID}}, reinforce(memory.ReasonUsed)},
		{"repeated, the expiry stays", events{short}, events{memory.Reinforced{Reason: memory.ReasonRepeated, Task: taskID, ExpiresAt: day(2)}}, reinforce(memory.ReasonRepeated)},
		{"embedded", with(), events{embedded("a")}, embed(embedded("a"))},
		{"embedded twice", with(embedded("a")), nil, embed(embedded("a"))},
		{"by a second model", with(embedded("a")), events{embedded("b")}, embed(embedded("b"))},
		{"superseded", with(), events{superseded}, supersede(otherID)},
		{"superseded twice", with(superseded), nil, supersede(otherID)},
		{"merged", with(), events{merged}, merge(otherID)},
		{"merged twice", with(merged), nil, merge(otherID)},
		{"forgotten", with(), events{forgotten}, forget},
		{"forgotten after superseded", with(superseded), events{forgotten}, forget},
		{"forgotten after merged", with(merged), events{forgotten}, forget},
		{"forgotten twice", with(forgotten), nil, forget},
		{"restored from superseded", with(superseded), events{restored}, restore},
		{"restored from merged", with(merged), events{restored}, restore},
		{"restored from forgotten", events{short, forgotten}, events{memory.Restored{Reason: "by mistake", ExpiresAt: day(2)}}, restore},
		{"restored without need", with(), nil, restore},
		{"another text", with(), events{corrected}, correct(memory.Correction{Text: bergen.Text, Reason: "wrong"})},
		{"the same text", with(), nil, correct(memory.Correction{Text: plain().Text, Importance: &half, Tags: []string{"geo"}})},
		{"another importance", with(), events{memory.Corrected{Text: plain().Text, Hash: plain().Hash(), Importance: &more}}, correct(memory.Correction{Importance: &more})},
		{"no tags", with(), events{memory.Corrected{Text: plain().Text, Hash: plain().Hash(), Tags: []string{}}}, correct(memory.Correction{Tags: []string{}})},
		{"other tags", with(), events{memory.Corrected{Text: plain().Text, Hash: plain().Hash(), Tags: []string{"a", "b"}}}, correct(memory.Correction{Tags: []string{"b", "a", "b"}})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(fold(tt.given))
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if len(tt.then) == 0 && len(got) == 0 {
				return
			}
			// Not EquateEmpty: tags taken away are not tags that stay.
			if diff := cmp.Diff(tt.then, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	superseded, merged := memory.Superseded{By: otherID}, memory.Merged{Into: otherID}
	onlyLive := map[string]decision{
		"repeat": repeat, "reinforce": reinforce(memory.ReasonUsed), "correct": correct(memory.Correction{}),
		"supersede": supersede(taskID), "merge": merge(taskID),
	}
	for name, when := range onlyLive {
		for _, given := range [][]memory.Event{with(superseded), with(merged), with(memory.Forgotten{})} {
			refused(t, name, fold(given), when, memory.ErrNotLive)
		}
		refused(t, name, memory.Item{}, when, memory.ErrNotFound)
	}
	for name, when := range map[string]decision{"embed": embed(embedded("a")), "forget": forget, "restore": restore} {
		refused(t, name, memory.Item{}, when, memory.ErrNotFound)
	}
	stale := embedded("a")
	stale.Hash = digest
	refused(t, "embed another content", fold(with()), embed(stale), memory.ErrStale)
	refused(t, "embed what is corrected", fold(with(memory.Corrected{Text: "x", Hash: digest})), embed(embedded("a")), memory.ErrStale)
	refused(t, "embed what is forgotten", fold(with(memory.Forgotten{})), embed(embedded("a")), memory.ErrStale)
	refused(t, "supersede what is merged into it", fold(with(merged)), supersede(otherID), memory.ErrNotLive)
	refused(t, "merge what it supersedes", fold(with(superseded)), merge(otherID), memory.ErrNotLive)
	refused(t, "remember what is corrected", fold(with(memory.Corrected{Text: "x", Hash: digest})), remember(plain()), memory.ErrDiffers)
}

func refused(t *testing.T, name string, i memory.Item, when decision, want error) {
	t.Helper()
	if got, err := when(i); !errors.Is(err, want) || len(got) > 0 {
		t.Errorf("%s, %q: %v, %v; want %v", name, i.Status, got, err, want)
	}
}
