package embedding_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/eventtest"
	"github.com/hivemesh/hivemesh/domain/memory"
)

func suite() eventtest.Suite[embedding.Event] {
	return eventtest.Suite[embedding.Event]{
		Schema: embedding.Schema, Decoders: embedding.Decoders, Decode: embedding.Decode,
		Events: []embedding.Event{
			embedding.ModelAdded{Model: "ngram-v1/512", Dimensions: 512},
			embedding.ModelActivated{Model: "ngram-v1/512"},
		},
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }

func fold(events ...embedding.Event) embedding.Registry {
	var r embedding.Registry
	for _, e := range events {
		r = r.Apply(e)
	}
	return r
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	type decision = func(embedding.Registry) ([]embedding.Event, error)
	add := func(model string, dims int) decision {
		return func(r embedding.Registry) ([]embedding.Event, error) { return r.Add(model, dims) }
	}
	activate := func(model string) decision {
		return func(r embedding.Registry) ([]embedding.Event, error) { return r.Activate(model) }
	}
	a, b := embedding.ModelAdded{Model: "a", Dimensions: 3}, embedding.ModelAdded{Model: "b", Dimensions: 4}
	useA, useB := embedding.ModelActivated{Model: "a"}, embedding.ModelActivated{Model: "b"}
	type events = []embedding.Event
	for _, tt := range []struct {
		name        string
		given, then events
		when        decision
		err         error
	}{
		{"the first model is active", nil, events{a, useA}, add("a", 3), nil},
		{"a second waits", events{a, useA}, events{b}, add("b", 4), nil},
		{"a known model", events{a, useA}, nil, add("a", 3), nil},
		{"a known model with other dimensions", events{a, useA}, nil, add("a", 4), embedding.ErrDimensions},
		{"activated", events{a, useA, b}, events{useB}, activate("b"), nil},
		{"activated twice", events{a, useA, b, useB}, nil, activate("b"), nil},
		{"and back", events{a, useA, b, useB}, events{useA}, activate("a"), nil},
		{"an unknown model", events{a, useA}, nil, activate("b"), embedding.ErrUnknown},
		{"none at all", nil, nil, activate(""), embedding.ErrUnknown},
	} {
		got, err := tt.when(fold(tt.given...))
		if diff := cmp.Diff(tt.then, got, cmpopts.EquateEmpty()); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v (-want +got):\n%s", tt.name, err, tt.err, diff)
		}
	}
}

func TestAddNamesTheField(t *testing.T) {
	t.Parallel()
	var many embedding.Registry
	for i := range embedding.MaxModels {
		many = many.Apply(embedding.ModelAdded{Model: fmt.Sprint("m", i), Dimensions: 3})
	}
	for _, tt := range []struct {
		given embedding.Registry
		model string
		dims  int
		field string
	}{
		{embedding.Registry{}, "BAAI/bge-small-en-v1.5@main", memory.MaxDimensions, ""},
		{embedding.Registry{}, "a", memory.MaxDimensions + 1, "dimensions"},
		{embedding.Registry{}, "a", 1, ""},
		{embedding.Registry{}, "a", 0, "dimensions"},
		{embedding.Registry{}, "", 3, "model"},
		{embedding.Registry{}, "a b", 3, "model"},
		{embedding.Registry{}, "modèle", 3, "model"},
		{many, "m0", 3, ""},
		{many, "one-more", 3, "model"},
	} {
		_, err := tt.given.Add(tt.model, tt.dims)
		var e *domain.Error
		if errors.As(err, &e) != (tt.field != "") || e != nil && (e.Kind != domain.Invalid || e.Field != tt.field) {
			t.Errorf("%q, %d: %v, want a refusal about %q", tt.model, tt.dims, err, tt.field)
		}
	}
}

// Whatever is asked in whatever order: what is active is known, a model keeps
// its dimensions, and the registry before is never changed.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r embedding.Registry
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			model, dims := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "model"), rapid.IntRange(1, 3).Draw(t, "dims")
			events, _ := r.Activate(model)
			if rapid.Bool().Draw(t, "add") {
				events, _ = r.Add(model, dims)
			}
			before, known := r, len(r.Models)
			for _, e := range events {
				r = r.Apply(e)
			}
			if len(before.Models) != known {
				t.Fatalf("the registry before was changed: %v", before)
			}
			for m, d := range before.Models {
				if r.Models[m] != d {
					t.Fatalf("%s had %d dimensions: %v", m, d, r)
				}
			}
			if _, ok := r.Models[r.Active]; ok != (len(r.Models) > 0) {
				t.Fatalf("active is %q of %v", r.Active, r.Models)
			}
		}
	})
}
