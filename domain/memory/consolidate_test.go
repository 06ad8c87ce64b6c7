package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// episode is one that was remembered, and what happened to it then.
func episode(more ...memory.Event) memory.Item {
	s := plain()
	s.Kind = memory.KindEpisode
	return fold(append([]memory.Event{memory.Remembered{Spec: s, Hash: s.Hash()}}, more...))
}

// What somebody touched after a worker has looked at it is not summarised away.
func TestSummarise(t *testing.T) {
	t.Parallel()
	ending := plain()
	ending.Kind, ending.ExpiresAt = memory.KindEpisode, instant(50)
	for name, c := range map[string]struct {
		item memory.Item
		err  error
	}{
		"an episode":             {episode(), nil},
		"used":                   {episode(memory.Reinforced{Reason: memory.ReasonUsed}), nil},
		"embedded":               {episode(embedded("m")), nil},
		"of help":                {episode(memory.Reinforced{Reason: memory.ReasonHelpful}), memory.ErrKept},
		"corrected":              {episode(memory.Corrected{Text: "Oslo", Hash: plain().Hash()}), memory.ErrKept},
		"forgotten":              {episode(memory.Forgotten{}), memory.ErrKept},
		"restored":               {episode(memory.Forgotten{}, memory.Restored{}), memory.ErrKept},
		"it ends by itself":      {fold([]memory.Event{memory.Remembered{Spec: ending, Hash: ending.Hash()}}), memory.ErrKept},
		"a fact":                 {fold(with()), memory.ErrKept},
		"nothing":                {memory.Item{ID: itemID}, memory.ErrNotFound},
		"summarised by this one": {episode(memory.Superseded{By: otherID}), memory.ErrKept},
	} {
		got, err := c.item.Summarise(otherID)
		want := []memory.Event{memory.Superseded{By: otherID, Reason: "summarised"}}
		if c.err != nil {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, c.err) {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

// Only what nobody used or touched since fades, by a fifth, and never to nothing.
func TestFade(t *testing.T) {
	t.Parallel()
	low := 0.11
	for name, c := range map[string]struct {
		item  memory.Item
		since time.Time
		want  float64 // 0: nothing happens
	}{
		"unused":           {fold(with()), instant(5), 0.4},
		"too early":        {fold(with()), instant(0).Add(-1), 0},
		"used since":       {fold(with(embedded("m"), memory.Reinforced{Reason: memory.ReasonUsed})), instant(1), 0},
		"used before":      {fold(with(memory.Reinforced{Reason: memory.ReasonUsed})), instant(5), 0.4},
		"of help":          {fold(with(memory.Reinforced{Reason: memory.ReasonHelpful})), instant(5), 0},
		"touched since":    {fold(with(memory.Corrected{Text: plain().Text, Hash: plain().Hash(), Importance: &low})), instant(0), 0},
		"nearly faded":     {fold(with(memory.Corrected{Text: plain().Text, Hash: plain().Hash(), Importance: &low})), instant(5), 0.1},
		"gone":             {fold(with(memory.Forgotten{})), instant(5), 0},
		"faded as it goes": {fold(with()).Apply(memory.Corrected{Text: plain().Text, Hash: plain().Hash(), Importance: new(float64)}, instant(1)), instant(5), 0},
	} {
		got, err := c.item.Fade(c.since)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == 0 && len(got) > 0 || c.want > 0 && len(got) != 1:
			t.Errorf("%s: %+v", name, got)
		case c.want > 0:
			if after := c.item.Apply(got[0], instant(6)); after.Importance != c.want || after.Text != c.item.Text {
				t.Errorf("%s: importance %v, not %v", name, after.Importance, c.want)
			}
		}
	}
	if _, err := (memory.Item{ID: itemID}).Fade(instant(5)); !errors.Is(err, memory.ErrNotFound) {
		t.Error(err)
	}
}
