package eventstore_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// answers collects what AppendAsync says.
type answers struct {
	all      sync.WaitGroup
	receipts []eventstore.Receipt
	errs     []error
}

// submit appends n decisions of the given number of events, each to an entity
// of its own.
func submit(s *eventstore.Store, n, events int) (*answers, []eventstore.Entity) {
	a := &answers{receipts: make([]eventstore.Receipt, n), errs: make([]error, n)}
	entities := make([]eventstore.Entity, n)
	for i := range n {
		entities[i] = newEntity()
		d := one(entities[i], 0, uuid.NewString())
		for len(d.Writes[0].Events) < events {
			d.Writes[0].Events = append(d.Writes[0].Events, d.Writes[0].Events[0])
		}
		a.all.Add(1)
		s.AppendAsync(d, func(r eventstore.Receipt, err error) {
			a.receipts[i], a.errs[i] = r, err
			a.all.Done()
		})
	}
	return a, entities
}

// TestLostAcknowledgement loses the publish, the first answer to it (which for
// a batch only says that it is open) or its acknowledgement, and then the
// connection. Each append must be answered with the truth: stored once, by this
// call.
func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	losses := map[string]func(*natstest.Proxy){
		"publish":         func(p *natstest.Proxy) { p.Lose(true, false) },
		"first answer":    func(p *natstest.Proxy) { p.Lose(false, true) },
		"acknowledgement": func(p *natstest.Proxy) { p.LoseFrom(`"stream":"EVENTS"`) },
	}
	for _, c := range []struct{ callers, events int }{{1, 1}, {5, 1}, {1, 3}, {100, 1}, {30, 2}} {
		for name, lose := range losses {
			t.Run(fmt.Sprintf("callers=%d/events=%d/%s", c.callers, c.events, name), func(t *testing.T) {
				t.Parallel()
				server := natstest.Start(t, natstest.Options(t.TempDir()))
				direct := natstest.Connect(t, server)
				watcher := open(t, direct, eventstore.Config{Stream: "EVENTS"})
				proxy := natstest.NewProxy(t, server.Addr().String())
				s := open(t, natstest.Dial(t, proxy.URL()), eventstore.Config{Stream: "EVENTS", AckWait: time.Second})
				lose(proxy)
				got, entities := submit(s, c.callers, c.events)
				natstest.Eventually(t, "something is lost", func() bool { return proxy.Lost() })
				if end, err := watcher.LastSeq(t.Context()); name == "acknowledgement" && (err != nil || end == 0) {
					t.Fatalf("nothing is stored: the log ends at %d, %v", end, err)
				}
				proxy.Lose(false, false)
				proxy.Cut()
				got.all.Wait()
				for i, e := range entities {
					if got.errs[i] != nil || got.receipts[i].Repeat {
						t.Fatalf("append %d: %+v, %v", i, got.receipts[i], got.errs[i])
					}
					stored, err := watcher.History(t.Context(), e, 0)
					if err != nil {
						t.Fatal(err)
					}
					equal(t, stored, got.receipts[i].Records)
				}
				if s.Stats().Unknown == 0 {
					t.Error("no outcome was unknown: the test shows nothing")
				}
			})
		}
	}
}

// TestAppliedThenOvertaken: the acknowledgement is lost, and another writer
// appends before the outcome is looked up. It is still no conflict.
func TestAppliedThenOvertaken(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, natstest.Options(t.TempDir()))
	other := open(t, natstest.Connect(t, server), eventstore.Config{Stream: "EVENTS"})
	proxy := natstest.NewProxy(t, server.Addr().String())
	s := open(t, natstest.Dial(t, proxy.URL()), eventstore.Config{Stream: "EVENTS", AckWait: time.Second})
	proxy.Lose(false, true)
	got, entities := submit(s, 1, 1)
	natstest.Eventually(t, "the event is stored", func() bool {
		end, err := other.LastSeq(t.Context())
		return err == nil && end == 1
	})
	for i := range uint64(3) {
		if _, err := other.Append(t.Context(), one(entities[0], i+1, uuid.NewString())); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Lose(false, false)
	proxy.Cut()
	got.all.Wait()
	if got.errs[0] != nil || got.receipts[0].Last() != 1 {
		t.Fatalf("%+v, %v", got.receipts[0], got.errs[0])
	}
}

// TestServerGone: without a server, an append that was never sent is
// unavailable, and one that was sent is of unknown outcome; none waits for ever.
func TestServerGone(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, natstest.Options(t.TempDir()))
	proxy := natstest.NewProxy(t, server.Addr().String())
	s := open(t, natstest.Dial(t, proxy.URL()), eventstore.Config{Stream: "EVENTS", AckWait: 200 * time.Millisecond})
	proxy.Lose(false, true)
	if _, err := s.Append(t.Context(), one(newEntity(), 0, "sent")); !errors.Is(err, eventstore.ErrUnknownOutcome) || !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("sent: %v", err)
	}
	proxy.Cut()
	natstest.Stop(server)
	_, err := s.Append(t.Context(), one(newEntity(), 0, "unsent"))
	if !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("unsent: %v", err)
	}
	if _, err := s.History(t.Context(), newEntity(), 0); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("history: %v", err)
	}
}

// TestServerRestart restarts the server on its directory under load: no
// acknowledged event is missing, and a tail goes through all of it in order.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	o := natstest.Options(t.TempDir())
	o.Port = natstest.FreePort(t)
	server := natstest.Start(t, o)
	s := open(t, natstest.Dial(t, server.ClientURL()), eventstore.Config{Stream: "EVENTS", AckWait: 2 * time.Second})
	const rounds, n = 3, 150
	var entities []eventstore.Entity
	var want []eventstore.Receipt
	for range rounds {
		got, es := submit(s, n, 1)
		natstest.Stop(server)
		server = natstest.Start(t, o)
		got.all.Wait()
		for i, err := range got.errs {
			if err != nil {
				t.Fatalf("append %d: %v", i, err)
			}
		}
		entities, want = append(entities, es...), append(want, got.receipts...)
	}
	for i, e := range entities {
		stored, err := s.History(t.Context(), e, 0)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, stored, want[i].Records)
	}
	equal(t, len(collect(t, s, 0, rounds*n)), rounds*n)
}
