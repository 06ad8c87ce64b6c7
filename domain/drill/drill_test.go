package drill_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/drill"
	"github.com/hivemesh/hivemesh/domain/eventtest"
)

func passed() drill.Passed {
	return drill.Passed{
		Log: "0195a0a0-0000-7000-8000-000000000001", Events: 1000, Last: 1004, LastAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		LossSeconds: 9.5, AllSeconds: 77.25, ServeSeconds: 57, Verified: 6,
	}
}

func suite() eventtest.Suite[drill.Event] {
	return eventtest.Suite[drill.Event]{
		Schema: drill.Schema, Decoders: drill.Decoders, Decode: drill.Decode,
		Events: []drill.Event{passed(), drill.Failed{Reason: "the segment is damaged"}},
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }

func TestEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome drill.Event
		ok      bool
	}{
		"passed":         {passed(), true},
		"failed":         {drill.Failed{Reason: "why"}, true},
		"a long reason":  {drill.Failed{Reason: strings.Repeat("x", 2*drill.MaxReason)}, true},
		"no log":         {func() drill.Event { p := passed(); p.Log = ""; return p }(), false},
		"time backwards": {func() drill.Event { p := passed(); p.AllSeconds = 1; return p }(), false},
		"no number":      {func() drill.Event { p := passed(); p.LossSeconds = math.NaN(); return p }(), false},
		"a NUL":          {drill.Failed{Reason: "\x00"}, true},
		"nothing":        {nil, false},
	} {
		events, err := drill.End(c.outcome)
		if c.ok != (err == nil && len(events) == 1) {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
}
