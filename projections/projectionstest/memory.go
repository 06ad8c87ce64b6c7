package projectionstest

import (
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain/document"
	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// dimensions of the vectors of a history.
const dimensions = 8

// memories are what is remembered in a history: items, documents, and the
// models that embed items.
type memories struct {
	items     []*entity[memory.Item]
	documents []*entity[document.Document]
	models    *entity[embedding.Registry]
}

// memoryStep decides something about what is remembered.
func (h *History) memoryStep(busy map[string]bool) (step, bool) {
	m := &h.memories
	if m.models == nil {
		m.models = &entity[embedding.Registry]{id: h.id()}
	}
	switch odds := h.rng.IntN(20); {
	case odds == 0:
		events, err := m.models.state.Add(h.pick("m1", "m2"), dimensions)
		return memoryStep(h, busy, m.models, embedding.EntityKind, embedding.Schema, func(r embedding.Registry, e embedding.Event, _ time.Time) embedding.Registry { return r.Apply(e) }, events, err)
	case odds == 1:
		events, err := m.models.state.Activate(h.pick("m1", "m2"))
		return memoryStep(h, busy, m.models, embedding.EntityKind, embedding.Schema, func(r embedding.Registry, e embedding.Event, _ time.Time) embedding.Registry { return r.Apply(e) }, events, err)
	case odds < 4:
		e, events, err := h.documentEvents()
		return memoryStep(h, busy, e, document.EntityKind, document.Schema, document.Document.Apply, events, err)
	case len(m.items) < 40 || odds < 7:
		e := &entity[memory.Item]{id: h.id(), state: memory.Item{}}
		m.items = append(m.items, e)
		events, err := e.state.Remember(h.spec(), h.now)
		return memoryStep(h, busy, e, memory.EntityKind, memory.Schema, memory.Item.Apply, events, err)
	}
	e := m.items[h.rng.IntN(len(m.items))]
	if e.seq == 0 {
		return step{}, false
	}
	state, all := e.state, []memory.Event(nil)
	for range 1 + h.rng.IntN(3) { // several events of one item in a batch
		events, err := h.itemEvents(state)
		if err != nil {
			continue
		}
		for _, ev := range events {
			state = state.Apply(ev, h.now)
		}
		all = append(all, events...)
	}
	return memoryStep(h, busy, e, memory.EntityKind, memory.Schema, memory.Item.Apply, all, nil)
}

func (h *History) spec() memory.Spec {
	s := memory.Spec{
		Text: fmt.Sprintf("The parseConfig of service %d is kept in 'etc', they say.", h.made), Kind: memory.Kinds()[h.rng.IntN(len(memory.Kinds()))],
		Scope:   memory.Scope(h.pick("tenant", "team:ops", "agent:a1")),
		Subject: h.pick("", "", "config"), Tags: []string{h.pick("ops", "dev")}, Source: memory.Source{Type: memory.SourceTask, ID: "t1"},
	}
	if h.rng.IntN(4) == 0 {
		s.ExpiresAt = h.now.Add(time.Hour)
	}
	if h.rng.IntN(3) == 0 {
		s.Kind, s.Place = memory.KindChunk, h.place()
	}
	return s
}

func (h *History) place() *memory.Place {
	return &memory.Place{Document: "d", URI: "docs/a.md", Ordinal: h.made, Start: h.made, End: h.made + 10, Line: 1 + h.made, Heading: "One > Two"}
}

func (h *History) itemEvents(i memory.Item) ([]memory.Event, error) {
	importance := 0.7
	switch h.rng.IntN(16) {
	case 0:
		return i.Supersede("another", "newer")
	case 1:
		return i.Merge("another", 0.03)
	case 2:
		return i.Forget("asked for")
	case 3, 4:
		return i.Restore("after all")
	case 5:
		return i.Reinforce(memory.Reason(h.pick("used", "helpful", "unhelpful")), "t1")
	case 6:
		s := i.Spec
		s.ExpiresAt = time.Time{}
		if h.rng.IntN(2) == 0 {
			s.ExpiresAt = h.now.Add(2 * time.Hour)
		}
		return i.Remember(s, h.now)
	case 7:
		return i.Correct(memory.Correction{Text: fmt.Sprintf("corrected %d", h.made), Importance: &importance, Tags: []string{"new"}})
	case 8:
		if i.Place == nil {
			return nil, nil
		}
		s := i.Spec
		s.Place = h.place()
		return i.Settle(s, h.now)
	case 9:
		return i.Correct(memory.Correction{Tags: []string{h.pick("ops", "dev")}})
	case 10:
		return i.Repeat("another")
	}
	v := make(memory.Vector, dimensions)
	for d := range v {
		v[d] = float32(h.rng.IntN(2000)-1000) / 1000
	}
	v[0] = 1
	text, err := memory.EncodeVector(v)
	if err != nil {
		return nil, err
	}
	return i.Embed(memory.Embedded{Model: h.pick("m1", "m2"), Dimensions: dimensions, Vector: text, Hash: i.Hash, Tokens: 7})
}

func (h *History) documentEvents() (*entity[document.Document], []document.Event, error) {
	m := &h.memories
	if len(m.documents) < 3 {
		m.documents = append(m.documents, &entity[document.Document]{id: h.id()})
	}
	e := m.documents[h.rng.IntN(len(m.documents))]
	if e.state.Exists() && h.rng.IntN(3) == 0 {
		events, err := e.state.Forget("gone")
		return e, events, err
	}
	events, err := e.state.Import(document.Spec{
		URI: "docs/a.md", Scope: memory.TenantScope, Digest: fmt.Sprintf("sha256:%064x", h.made), Size: 12, MediaType: "text/markdown",
		Splitter: 1, Chunks: []string{h.id()}, Tags: []string{"docs"},
	}, h.now)
	return e, events, err
}

// memoryStep appends events to an entity that is not busy.
func memoryStep[S any, E interface{ Type() string }](h *History, busy map[string]bool, e *entity[S], kind string, schema int, apply func(S, E, time.Time) S, events []E, err error) (step, bool) {
	if err != nil || len(events) == 0 || busy[e.id] {
		return step{}, false
	}
	busy[e.id] = true
	c := h.command("admin")
	w := eventstore.Write{Entity: eventstore.Entity{Tenant: h.Tenant, Kind: kind, ID: e.id}, Expect: e.seq}
	for _, ev := range events {
		w.Events = append(w.Events, encode(ev.Type(), schema, ev))
	}
	return step{eventstore.Decision{Command: c, Writes: []eventstore.Write{w}}, func(seq uint64) {
		for _, ev := range events {
			e.state = apply(e.state, ev, c.Time)
		}
		e.seq = seq
	}}, true
}
