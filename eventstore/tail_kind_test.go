package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// startKindTail follows the events of one kind.
func startKindTail(t *testing.T, s *eventstore.Store, kind string, after uint64) *tailing {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &tailing{got: make(chan eventstore.Record, 10_000), done: make(chan error, 1), stop: cancel}
	go func() {
		r.done <- s.Tail(ctx, after, eventstore.TailOptions{Name: t.Name(), Kind: kind}, func(rs []eventstore.Record) error {
			for _, record := range rs {
				r.got <- record
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-r.done
	})
	return r
}

// ofKind is a new entity of a kind.
func ofKind(kind string) eventstore.Entity {
	e := newEntity()
	e.Kind = kind
	return e
}

func appendTo(t *testing.T, s *eventstore.Store, e ...eventstore.Entity) uint64 {
	t.Helper()
	d := one(e[0], 0, newEntity().ID)
	for _, other := range e[1:] {
		d.Writes = append(d.Writes, one(other, 0, "").Writes[0])
	}
	receipt, err := s.Append(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Last()
}

// TestTailOfKind: a tail of one kind gets its events, of every tenant, and no
// others, also where one decision is about several kinds.
func TestTailOfKind(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	other := ofKind("identity")
	other.Tenant = "globex"
	var want []uint64
	appendTo(t, s, ofKind("task"))
	want = append(want, appendTo(t, s, ofKind("identity")))
	want = append(want, appendTo(t, s, other))
	last := appendTo(t, s, ofKind("task"), ofKind("identity"), ofKind("agent"), ofKind("identity"))
	want = append(want, last-2, last)
	appendTo(t, s, ofKind("identity-of-another-sort"))
	tail := startKindTail(t, s, "identity", 0)
	after := startKindTail(t, s, "identity", want[1])
	for _, seq := range want {
		r := tail.next(t)
		equal(t, r.Seq, seq)
		if r.Entity.Kind != "identity" || !r.EndsDecision() {
			t.Errorf("%+v", r)
		}
	}
	for _, seq := range want[2:] {
		equal(t, after.next(t).Seq, seq)
	}
	next := appendTo(t, s, ofKind("identity"))
	equal(t, tail.next(t).Seq, next)
	equal(t, after.next(t).Seq, next)
}

// TestTailOfKindIsNotStuckBesideOthers: while other kinds are written at speed,
// a tail with nothing to read is not taken for stuck, and one event of its
// kind comes through.
func TestTailOfKindIsNotStuckBesideOthers(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	s.SetWatch(5 * time.Millisecond)
	first := appendTo(t, s, ofKind("identity"))
	tail := startKindTail(t, s, "identity", 0)
	equal(t, tail.next(t).Seq, first)
	var writing sync.WaitGroup
	for range 2000 {
		writing.Add(1)
		s.AppendAsync(one(ofKind("task"), 0, newEntity().ID), func(_ eventstore.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			writing.Done()
		})
	}
	writing.Wait() // many looks of the watchdog
	looks := time.NewTicker(5 * time.Millisecond)
	defer looks.Stop()
	for range 20 {
		<-looks.C
	}
	equal(t, s.Stats().TailRestarts, uint64(0))
	last := appendTo(t, s, ofKind("identity"))
	equal(t, tail.next(t).Seq, last)
}

// TestTailOfKindBeyondItsLast: a tail that has got further than the last event
// of its kind waits for the next; only beyond the log's end it gives up.
func TestTailOfKindBeyondItsLast(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	s.SetWatch(5 * time.Millisecond)
	last := appendTo(t, s, ofKind("task"))
	tail := startKindTail(t, s, "identity", last)
	beyond := startKindTail(t, s, "identity", last+100)
	if err := <-beyond.done; !errors.As(err, new(*eventstore.PositionError)) { // after several looks of both
		t.Errorf("beyond the log's end: %v", err)
	}
	beyond.done <- nil // for the end of the test
	select {
	case err := <-tail.done:
		t.Fatalf("gave up: %v", err)
	default:
	}
	next := appendTo(t, s, ofKind("identity"))
	equal(t, tail.next(t).Seq, next)
}

// TestTailOfKindGoesOnAfterAnOutage: the server comes back without the
// consumer; what was written meanwhile comes once.
func TestTailOfKindGoesOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	options := natstest.Options(t.TempDir())
	options.Port = natstest.FreePort(t)
	server := natstest.Start(t, options)
	s := open(t, natstest.Dial(t, server.ClientURL()), eventstore.Config{Stream: "EVENTS", AckWait: time.Second})
	tail := startKindTail(t, s, "identity", 0)
	first := appendTo(t, s, ofKind("identity"))
	equal(t, tail.next(t).Seq, first)
	natstest.Stop(server)
	natstest.Start(t, options)
	var want []uint64
	e := ofKind("identity")
	natstest.Eventually(t, "the log takes events again", func() bool {
		receipt, err := s.Append(t.Context(), one(e, 0, "c"))
		if err == nil {
			want = append(want, receipt.Last())
		}
		return err == nil
	})
	appendTo(t, s, ofKind("task"))
	want = append(want, appendTo(t, s, ofKind("identity")))
	for _, seq := range want {
		equal(t, tail.next(t).Seq, seq)
	}
}

// TestWatchdogOfKind pauses the consumer of a tail of one kind: only an event
// of that kind shows that it is stuck.
func TestWatchdogOfKind(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	s.SetWatch(20 * time.Millisecond)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, s, ofKind("identity"))
	tail := startKindTail(t, s, "identity", 0)
	tail.next(t)
	stream, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if _, err := js.PauseConsumer(t.Context(), "EVENTS", name, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	last := appendTo(t, s, ofKind("identity"))
	equal(t, tail.next(t).Seq, last)
	if s.Stats().TailRestarts == 0 {
		t.Error("the consumer was not replaced: the test shows nothing")
	}
}

// TestLastOf is the last event of a kind, 0 for none, whatever else is written.
func TestLastOf(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	look := func() [2]uint64 {
		t.Helper()
		var got [2]uint64
		for i, kind := range []string{"identity", "task"} {
			last, err := s.LastOf(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			got[i] = last
		}
		return got
	}
	want := []([2]uint64){{0, 0}, {0, 1}, {2, 1}, {2, 3}, {5, 4}}
	got := [][2]uint64{look()}
	for _, entities := range [][]eventstore.Entity{
		{ofKind("task")}, {ofKind("identity")}, {ofKind("task")}, {ofKind("task"), ofKind("identity")},
	} {
		appendTo(t, s, entities...)
		got = append(got, look())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
