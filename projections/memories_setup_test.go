package projections_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

const (
	searchTenant = "default"
	searchModel  = "it-s/16@'1" // a name that has to be quoted
	searchDims   = 16
)

// known is an item of a test with what is true of it.
type known struct {
	id     string
	seq    uint64
	spec   memory.Spec
	vector memory.Vector // of length 1, as a float16 holds it; nil: not embedded
	then   []memory.Event
	gone   bool // not to be found
}

// searching is a bundle with a model of searchDims dimensions.
func searching(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	run(t, b.p)
	b.decide(t, embedding.EntityKind, uuid.NewString(), 0, wire(embedding.Schema, embedding.ModelAdded{Model: searchModel, Dimensions: searchDims}),
		wire(embedding.Schema, embedding.ModelActivated{Model: searchModel}))
	return b
}

func wire(schema int, e interface{ Type() string }) eventstore.NewEvent {
	data, err := json.Marshal(e)
	if err != nil {
		data = nil
	}
	return eventstore.NewEvent{Type: e.Type(), Schema: schema, Data: data}
}

// decide appends one decision, and returns its last sequence.
func (b *bundle) decide(t testing.TB, kind, id string, expect uint64, events ...eventstore.NewEvent) uint64 {
	t.Helper()
	d := decision(kind, id, time.Now(), events)
	d.Writes[0].Expect = expect
	r, err := b.store.Append(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r.Last()
}

func decision(kind, id string, at time.Time, events []eventstore.NewEvent) eventstore.Decision {
	return eventstore.Decision{
		Command: eventstore.Command{ID: uuid.NewString(), Actor: "a1", Time: at},
		Writes:  []eventstore.Write{{Entity: eventstore.Entity{Tenant: searchTenant, Kind: kind, ID: id}, Events: events}},
	}
}

// remember appends items with their vectors and what happens to them then,
// each in one decision, all of one time, and returns the last sequence.
func (b *bundle) remember(t testing.TB, at time.Time, items ...*known) uint64 {
	t.Helper()
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for n, k := range items {
		events := k.events(t)
		wg.Add(1)
		b.store.AppendAsync(decision(memory.EntityKind, k.id, at, events), func(r eventstore.Receipt, err error) {
			defer wg.Done()
			if errs[n] = err; err == nil {
				k.seq = r.Last()
			}
		})
	}
	wg.Wait()
	last := uint64(0)
	for n, k := range items {
		if errs[n] != nil {
			t.Fatal(errs[n])
		}
		last = max(last, k.seq)
	}
	return last
}

// events are those that make the item what it is.
func (k *known) events(t testing.TB) []eventstore.NewEvent {
	t.Helper()
	k.id, k.spec = uuid.NewString(), k.spec.WithDefaults()
	events := []eventstore.NewEvent{wire(memory.Schema, memory.Remembered{Spec: k.spec, Hash: k.spec.Hash()})}
	if k.vector != nil {
		events = append(events, wire(memory.Schema, memory.Embedded{
			Model: searchModel, Dimensions: searchDims, Vector: encoded(t, k.vector), Hash: k.spec.Hash(), Tokens: 3,
		}))
	}
	for _, e := range k.then {
		events = append(events, wire(memory.Schema, e))
	}
	return events
}

func encoded(t testing.TB, v memory.Vector) string {
	t.Helper()
	text, err := memory.EncodeVector(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// direction draws a vector of length 1 that a float16 holds.
func direction(t testing.TB, rng *rand.Rand) memory.Vector {
	t.Helper()
	v := make(memory.Vector, searchDims)
	for d := range v {
		v[d] = float32(rng.NormFloat64())
	}
	return held(t, v)
}

// held returns v at length 1, rounded as it is kept.
func held(t testing.TB, v memory.Vector) memory.Vector {
	t.Helper()
	unit, err := memory.Normalise(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := memory.DecodeVector(encoded(t, unit), len(unit))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// cosine is the distance that Postgres is to compute.
func cosine(a, b memory.Vector) float64 {
	var dot, aa, bb float64
	for d := range a {
		dot += float64(a[d]) * float64(b[d])
		aa += float64(a[d]) * float64(a[d])
		bb += float64(b[d]) * float64(b[d])
	}
	return 1 - dot/math.Sqrt(aa*bb)
}

// nearest looks at every item: the ids of the k nearest that are to be found
// and that keep lets through, the nearest first.
func nearest(items []*known, v memory.Vector, k int, keep func(*known) bool) []string {
	var all []*known
	for _, i := range items {
		if !i.gone && i.vector != nil && keep(i) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b *known) int {
		if cosine(a.vector, v) < cosine(b.vector, v) {
			return -1
		}
		return 1
	})
	ids := make([]string, 0, k)
	for _, i := range all[:min(k, len(all))] {
		ids = append(ids, i.id)
	}
	return ids
}

func (b *bundle) recall(t testing.TB, r projections.Recall) projections.Recalled {
	t.Helper()
	out, err := b.p.Recall(t.Context(), searchTenant, r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return out
}

func hitIDs(r projections.Recalled) []string {
	ids := make([]string, len(r.Hits))
	for n, h := range r.Hits {
		ids[n] = h.ID
	}
	return ids
}
