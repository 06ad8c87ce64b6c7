package external_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/external"
)

func fact() external.Fact {
	return external.Fact{
		ID: "order-7/größe", Source: "https://shop.example/orders", Subject: "order 7", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		DataContentType: "application/json", Data: domain.Payload{Inline: json.RawMessage(`{"n":1}`)},
	}
}

// Each limit: the change fits at the limit and is refused beyond it.
func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name, field string
		change      func(f *external.Fact, typ *string)
	}{
		{"as it is", "", func(*external.Fact, *string) {}},
		{"the least", "", func(f *external.Fact, _ *string) { *f = external.Fact{ID: "1", Source: "s"} }},
		{"no id", "id", func(f *external.Fact, _ *string) { f.ID = "" }},
		{"longest id", "", func(f *external.Fact, _ *string) { f.ID = long(external.MaxID) }},
		{"id too long", "id", func(f *external.Fact, _ *string) { f.ID = long(external.MaxID + 1) }},
		{"id not UTF-8", "id", func(f *external.Fact, _ *string) { f.ID = "\xff" }},
		{"id with a line break", "id", func(f *external.Fact, _ *string) { f.ID = "a\nb" }},
		{"no source", "source", func(f *external.Fact, _ *string) { f.Source = "" }},
		{"longest source", "", func(f *external.Fact, _ *string) { f.Source = long(external.MaxID) }},
		{"source too long", "source", func(f *external.Fact, _ *string) { f.Source = long(external.MaxID + 1) }},
		{"source beyond ASCII", "source", func(f *external.Fact, _ *string) { f.Source = "/größe" }},
		{"source with a line break", "source", func(f *external.Fact, _ *string) { f.Source = "/a\r\nmesh-actor: admin" }},
		{"source ends with a space", "source", func(f *external.Fact, _ *string) { f.Source = "/a " }},
		{"no type", "type", func(_ *external.Fact, typ *string) { *typ = "" }},
		{"longest type", "", func(_ *external.Fact, typ *string) { *typ = long(external.MaxType) }},
		{"type too long", "type", func(_ *external.Fact, typ *string) { *typ = long(external.MaxType + 1) }},
		{"type begins with a space", "type", func(_ *external.Fact, typ *string) { *typ = " order.placed" }},
		{"type with DEL", "type", func(_ *external.Fact, typ *string) { *typ = "order\x7f" }},
		{"longest subject", "", func(f *external.Fact, _ *string) { f.Subject = long(external.MaxID) }},
		{"subject too long", "subject", func(f *external.Fact, _ *string) { f.Subject = long(external.MaxID + 1) }},
		{"subject with a NUL", "subject", func(f *external.Fact, _ *string) { f.Subject = "\x00" }},
		{"content type too long", "datacontenttype", func(f *external.Fact, _ *string) { f.DataContentType = long(external.MaxType + 1) }},
		{"year 10000", "time", func(f *external.Fact, _ *string) { f.Time = f.Time.AddDate(8000, 0, 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, typ := fact(), "order.placed"
			tt.change(&f, &typ)
			err := f.Validate(typ)
			if tt.field == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if _, err := json.Marshal(f); err != nil {
					t.Errorf("cannot be written: %v", err)
				}
				return
			}
			var e *domain.Error
			if !errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != tt.field {
				t.Errorf("error %v, want a refusal about %s", err, tt.field)
			}
		})
	}
}

func TestGoldenFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/events/fact.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var got external.Fact
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fact(), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	written, err := json.Marshal(fact())
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != string(written)+"\n" {
		t.Errorf("is written differently now:\n%s", written)
	}
}
