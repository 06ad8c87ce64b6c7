package eventstore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/eventstoretest"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

func TestMain(m *testing.M) {
	// A server that has shut down may still be closing its files.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*msgBlock).flushLoop"))
}

// setup opens a store on a fresh server of its own.
func setup(t testing.TB) (*eventstore.Store, *nats.Conn) {
	t.Helper()
	nc := natstest.Connect(t, natstest.Start(t, natstest.Options(t.TempDir())))
	return open(t, nc, eventstore.Config{Stream: "EVENTS"}), nc
}

// open opens a store and closes it when the test ends.
func open(t testing.TB, nc *nats.Conn, cfg eventstore.Config) *eventstore.Store {
	t.Helper()
	s, err := eventstore.Open(t.Context(), nc, cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func newEntity() eventstore.Entity {
	return eventstore.Entity{Tenant: "acme", Kind: "task", ID: uuid.NewString()}
}

// one returns a decision of one event.
func one(e eventstore.Entity, expect uint64, command string) eventstore.Decision {
	return eventstore.Decision{
		Command: eventstore.Command{ID: command, Actor: "tester"},
		Writes: []eventstore.Write{{Entity: e, Expect: expect, Events: []eventstore.NewEvent{
			{Type: "task.noted", Schema: 1, Data: fmt.Appendf(nil, `{"command":%q}`, command)},
		}}},
	}
}

// collect tails until n records have come.
func collect(t *testing.T, s *eventstore.Store, after uint64, n int) []eventstore.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []eventstore.Record
	err := s.Tail(ctx, after, eventstore.TailOptions{Name: "test"}, func(rs []eventstore.Record) error {
		if got = append(got, rs...); len(got) >= n {
			cancel()
		}
		return nil
	})
	if len(got) < n {
		t.Fatalf("tail ended after %d of %d records: %v", len(got), n, err)
	}
	return got
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	e := newEntity()
	r1, err := s.Append(t.Context(), one(e, 0, "c1"))
	if err != nil {
		t.Fatal(err)
	}
	r2, err := s.Append(t.Context(), one(e, r1.Last(), "c2"))
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(r1.Records, r2.Records)
	history, err := s.History(t.Context(), e, 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, history, want)
	equal(t, collect(t, s, 0, 2), want)
	got, err := s.Get(t.Context(), r2.Last())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want[1])
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, sync := range map[string]bool{"sync always": true, "default sync": false} {
		t.Run(name, func(t *testing.T) {
			eventstoretest.Run(t, func(t *testing.T) *eventstore.Store {
				o := natstest.Options(t.TempDir())
				o.SyncAlways = sync
				return open(t, natstest.Connect(t, natstest.Start(t, o)), eventstore.Config{Stream: "EVENTS"})
			})
		})
	}
}
