package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// tailing is a tail that runs beside the test.
type tailing struct {
	got  chan eventstore.Record
	done chan error
	stop context.CancelFunc
}

func startTail(t *testing.T, s *eventstore.Store, after uint64) *tailing {
	ctx, cancel := context.WithCancel(context.Background())
	r := &tailing{got: make(chan eventstore.Record, 10_000), done: make(chan error, 1), stop: cancel}
	go func() {
		r.done <- s.Tail(ctx, after, eventstore.TailOptions{Name: t.Name()}, func(rs []eventstore.Record) error {
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

func (r *tailing) next(t *testing.T) eventstore.Record {
	t.Helper()
	select {
	case record := <-r.got:
		return record
	case <-time.After(20 * time.Second):
		t.Fatal("no record")
		return eventstore.Record{}
	}
}

// TestTailLatency hands on a lone event at once, long before any batch is full.
func TestTailLatency(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	tail := startTail(t, s, 0)
	for i := range uint64(5) {
		if _, err := s.Append(t.Context(), one(newEntity(), 0, "c")); err != nil {
			t.Fatal(err)
		}
		equal(t, tail.next(t).Seq, i+1)
	}
}

// TestWatchdog pauses the consumer on the server: it stays alive and silent.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	s.SetWatch(50 * time.Millisecond)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	tail := startTail(t, s, 0)
	if _, err := s.Append(t.Context(), one(newEntity(), 0, "c1")); err != nil {
		t.Fatal(err)
	}
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
	if _, err := s.Append(t.Context(), one(newEntity(), 0, "c2")); err != nil {
		t.Fatal(err)
	}
	equal(t, tail.next(t).Seq, 2)
	if s.Stats().TailRestarts == 0 {
		t.Error("the consumer was not replaced: the test shows nothing")
	}
}

// TestTailForeign: what is no event is handed on without a type.
func TestTailForeign(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	tail := startTail(t, s, 0)
	for _, subject := range []string{"ev.acme.task.1", "ev.odd"} {
		if _, err := nc.Request(subject, []byte("x"), 5*time.Second); err != nil {
			t.Fatal(err)
		}
		r := tail.next(t)
		if r.Type != "" || string(r.Data) != "x" || !r.EndsDecision() {
			t.Errorf("%s: %+v", subject, r)
		}
	}
	equal(t, s.Stats().TailForeign, 2)
}

// TestTailTorn: half a decision, as a damaged log might hold, stalls nothing.
func TestTailTorn(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	e := newEntity()
	subject, err := e.Subject()
	if err != nil {
		t.Fatal(err)
	}
	for i, place := range []string{"1/3", "2/3", "1/1", "2/2", "1/1"} {
		m := nats.NewMsg(subject)
		m.Header = eventstore.EncodeHeader(eventstore.Record{Entity: e, ID: fmt.Sprint(i), Type: "task.noted", Time: time.Now(), Command: place, Index: 1, Count: 1})
		m.Header["mesh-decision"] = []string{place}
		if _, err := nc.RequestMsg(m, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	tail := startTail(t, s, 0)
	for i := range uint64(5) {
		equal(t, tail.next(t).Seq, i+1)
	}
}

// TestTailSlowHandler: a handler that is slower than the log gets everything,
// in order, undamaged, and its consumer is not taken for stuck.
func TestTailSlowHandler(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	const events = 6000
	data := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 2000))
	for range events / 1000 {
		d := one(newEntity(), 0, "c")
		d.Writes[0].Events[0].Data = data
		for len(d.Writes[0].Events) < 1000 {
			d.Writes[0].Events = append(d.Writes[0].Events, d.Writes[0].Events[0])
		}
		if _, err := s.Append(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	s.SetWatch(200 * time.Millisecond)
	release, entered := make(chan struct{}), make(chan struct{})
	var seen []uint64
	stop := errors.New("all seen")
	done := make(chan error, 1)
	go func() {
		done <- s.Tail(t.Context(), 0, eventstore.TailOptions{}, func(rs []eventstore.Record) error {
			if len(seen) == 0 {
				close(entered)
				<-release
			}
			for _, r := range rs {
				if len(r.Data) != len(data) {
					t.Errorf("record %d has %d bytes", r.Seq, len(r.Data))
				}
				seen = append(seen, r.Seq)
			}
			if len(seen) == events {
				return stop
			}
			return nil
		})
	}()
	<-entered
	time.AfterFunc(time.Second, func() { close(release) }) // many looks of the watchdog
	if err := <-done; !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if n := s.Stats().TailRestarts; n > 0 {
		t.Errorf("%d consumers were replaced", n)
	}
	for i, seq := range seen {
		if seq != uint64(i+1) {
			t.Fatalf("record %d has sequence %d", i, seq)
		}
	}
}

// TestTailBeyondEnd: a position that the log has never reached is an error, not
// a silent wait.
func TestTailBeyondEnd(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	s.SetWatch(10 * time.Millisecond)
	var wrong *eventstore.PositionError
	if err := <-startTailDone(t, s, 99); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
}

func startTailDone(t *testing.T, s *eventstore.Store, after uint64) <-chan error {
	done := make(chan error, 1)
	go func() {
		done <- s.Tail(t.Context(), after, eventstore.TailOptions{}, func([]eventstore.Record) error { return nil })
	}()
	return done
}

// TestTailStopsWithoutServer: the context ends a tail during an outage.
func TestTailStopsWithoutServer(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, natstest.Options(t.TempDir()))
	s := open(t, natstest.Dial(t, server.ClientURL()), eventstore.Config{Stream: "EVENTS", AckWait: time.Second})
	tail := startTail(t, s, 0)
	if _, err := s.Append(t.Context(), one(newEntity(), 0, "c")); err != nil {
		t.Fatal(err)
	}
	tail.next(t)
	natstest.Stop(server)
	tail.stop()
	select {
	case err := <-tail.done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		tail.done <- err
	case <-time.After(5 * time.Second):
		t.Fatal("the tail goes on")
	}
}
