// Package eventstoretest is the executable contract of eventstore: Run passes
// on every kind of server that a Store may be opened on.
package eventstoretest

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/eventstore"
)

// Run checks the contract. Open returns a store on an empty log; it is called
// once for each part.
func Run(t *testing.T, open func(t *testing.T) *eventstore.Store) {
	parts := []struct {
		name string
		run  func(*testing.T, *eventstore.Store)
	}{
		{"append and read", appendAndRead},
		{"refusals", refusals},
		{"conflicts", conflicts},
		{"repeats", repeats},
		{"several events and entities", severalEntities},
		{"stale members are refused alone", staleAlone},
		{"tail hands on whole decisions", tailWhole},
		{"long history", longHistory},
		{"positions", positions},
		{"artifacts", artifacts},
		{"cache", cacheUpdates},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.run(t, open(t))
		})
	}
}

func entity() eventstore.Entity {
	return eventstore.Entity{Tenant: "acme", Kind: "task", ID: uuid.NewString()}
}

func write(e eventstore.Entity, expect uint64, events int) eventstore.Write {
	w := eventstore.Write{Entity: e, Expect: expect}
	for i := range events {
		w.Events = append(w.Events, eventstore.NewEvent{Type: "task.noted", Schema: 1, Data: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	return w
}

func decision(command string, writes ...eventstore.Write) eventstore.Decision {
	return eventstore.Decision{
		Command: eventstore.Command{ID: command, Actor: "a1", Correlation: "co", Causation: "ca", TraceParent: "00-1-2-01", Source: "/test"},
		Writes:  writes,
	}
}

// must appends and fails the test when that fails.
func must(t *testing.T, s *eventstore.Store, d eventstore.Decision) eventstore.Receipt {
	t.Helper()
	r, err := s.Append(t.Context(), d)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return r
}

func history(t *testing.T, s *eventstore.Store, e eventstore.Entity) []eventstore.Record {
	t.Helper()
	rs, err := s.History(t.Context(), e, 0)
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	return rs
}
