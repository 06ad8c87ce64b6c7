package projection_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/projection"
)

func TestDecisions(t *testing.T) {
	t.Parallel()
	var p projection.Projection
	const key = "default/task/00000000-0000-4000-8000-000000000001"
	tests := map[string]struct {
		decide func() ([]projection.Event, error)
		want   projection.Event
		field  string
	}{
		"retry":                  {func() ([]projection.Event, error) { return p.Retry("tasks", key) }, projection.RetryRequested{Projection: "tasks", Key: key}, ""},
		"retry of nothing":       {func() ([]projection.Event, error) { return p.Retry("tasks", "") }, nil, "key"},
		"retry without name":     {func() ([]projection.Event, error) { return p.Retry("", key) }, nil, "projection"},
		"skip":                   {func() ([]projection.Event, error) { return p.Skip("tasks", key, 7, "bad") }, projection.SkipRequested{Projection: "tasks", Key: key, Seq: 7, Reason: "bad"}, ""},
		"skip without reason":    {func() ([]projection.Event, error) { return p.Skip("tasks", key, 7, "") }, nil, "reason"},
		"skip with a novel":      {func() ([]projection.Event, error) { return p.Skip("tasks", key, 7, strings.Repeat("x", 2000)) }, nil, "reason"},
		"skip of no event":       {func() ([]projection.Event, error) { return p.Skip("tasks", key, 0, "bad") }, nil, "seq"},
		"rebuild":                {func() ([]projection.Event, error) { return p.Rebuild("tasks") }, projection.RebuildRequested{Projection: "tasks"}, ""},
		"rebuild without a name": {func() ([]projection.Event, error) { return p.Rebuild("a b") }, nil, "projection"},
	}
	for name, tt := range tests {
		events, err := tt.decide()
		if tt.want == nil {
			e, ok := err.(*domain.Error) //nolint:errorlint // decisions return it bare
			if !ok || e.Kind != domain.Invalid || e.Field != tt.field {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if diff := cmp.Diff([]projection.Event{tt.want}, events); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestEventsComeBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, e := range []projection.Event{
		projection.RetryRequested{Projection: "tasks", Key: "k"},
		projection.SkipRequested{Projection: "tasks", Key: "k", Seq: 3, Reason: "r"},
		projection.RebuildRequested{Projection: "agents"},
	} {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := projection.Decode(e.Type(), projection.Schema, data)
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", e.Type(), err, diff)
		}
		if p := (projection.Projection{}).Apply(e, now); p.Last != e || !p.At.Equal(now) {
			t.Errorf("%s is not the last request", e.Type())
		}
	}
	if len(projection.Decoders) != 3 {
		t.Errorf("%d decoders, 3 events", len(projection.Decoders))
	}
	for typ, schema := range map[string]int{"projection.painted": 1, "projection.retry_requested": 2} {
		if _, err := projection.Decode(typ, schema, []byte("{}")); err == nil {
			t.Errorf("%s schema %d was decoded", typ, schema)
		}
	}
	if _, err := projection.Decode("projection.retry_requested", 1, []byte("[]")); err == nil {
		t.Error("a payload of another shape was decoded")
	}
}

// TestGolden reads a payload of every version ever written; the files are
// never changed.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/events/*.v1.json")
	if err != nil || len(files) != len(projection.Decoders) {
		t.Fatalf("%d golden files, %d events, %v", len(files), len(projection.Decoders), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		e, err := projection.Decode(strings.TrimSuffix(filepath.Base(f), ".v1.json"), 1, data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(e)
		if err != nil || string(again) != strings.TrimSpace(string(data)) {
			t.Errorf("%s: %s became %s, %v", f, data, again, err)
		}
	}
}
