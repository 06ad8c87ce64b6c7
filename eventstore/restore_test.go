package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// stored reads the whole log as the server holds it.
func stored(t *testing.T, s *eventstore.Store, n int) []eventstore.Stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []eventstore.Stored
	err := s.Tail(ctx, 0, eventstore.TailOptions{Stored: true}, func(rs []eventstore.Record) error {
		for _, r := range rs {
			got = append(got, *r.Stored)
		}
		if len(got) >= n {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("%d of %d: %v", len(got), n, err)
	}
	return got
}

// copyOf is a copy that ends with the given error.
func copyOf(epoch string, events []eventstore.Stored, end error) eventstore.Copy {
	c := eventstore.Copy{Epoch: epoch, Events: uint64(len(events)), First: events[0].Seq, Last: events[len(events)-1].Seq}
	c.Next = func() (eventstore.Stored, error) {
		if len(events) == 0 {
			return eventstore.Stored{}, end
		}
		e := events[0]
		events = events[1:]
		return e, nil
	}
	return c
}

// written is a log with decisions of one event and of many.
func written(t *testing.T) (*eventstore.Store, []eventstore.Stored) {
	t.Helper()
	s, _ := setup(t)
	n := 0
	for i := range 40 {
		d := one(newEntity(), 0, fmt.Sprintf("c%d", i))
		if i%4 == 0 {
			for range i {
				d.Writes[0].Events = append(d.Writes[0].Events, d.Writes[0].Events[0])
			}
		}
		if _, err := s.Append(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		n += len(d.Writes[0].Events)
	}
	return s, stored(t, s, n)
}

// TestRestoreKeepsEverything: what was copied is the same event by event, in a
// log with another identity that goes on where the copy ended.
func TestRestoreKeepsEverything(t *testing.T) {
	t.Parallel()
	old, events := written(t)
	events = append(events[:7:7], events[8:]...) // a hole keeps its place
	nc := natstest.Connect(t, natstest.Start(t, natstest.Options(t.TempDir())))
	cfg := eventstore.Config{Stream: "EVENTS"}
	epoch, err := eventstore.Restore(t.Context(), nc, cfg, copyOf(old.Epoch(), events, io.EOF))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventstore.Open(t.Context(), nc, cfg); !errors.Is(err, eventstore.ErrUnfinishedRestore) {
		t.Fatalf("opened before it was finished: %v", err)
	}
	for range 2 {
		if err := eventstore.FinishRestore(t.Context(), nc, cfg); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, nc, cfg)
	if s.Epoch() != epoch || epoch == old.Epoch() {
		t.Errorf("epoch %s, restored %s, before %s", s.Epoch(), epoch, old.Epoch())
	}
	if diff := cmp.Diff(events, stored(t, s, len(events))); diff != "" {
		t.Errorf("(-copied +restored)\n%s", diff)
	}
	var stale *eventstore.PositionError
	if _, err := s.ParsePosition(old.Position(3)); !errors.As(err, &stale) {
		t.Errorf("a position of the old log: %v", err)
	}
	last := events[len(events)-1]
	receipt, err := s.Append(t.Context(), one(newEntity(), 0, "after"))
	if err != nil || receipt.Last() != last.Seq+1 {
		t.Errorf("the next event is %d after %d: %v", receipt.Last(), last.Seq, err)
	}
	if _, err := eventstore.Restore(t.Context(), nc, cfg, copyOf(old.Epoch(), events, io.EOF)); !errors.Is(err, eventstore.ErrLogExists) {
		t.Errorf("a log in use was restored over: %v", err)
	}
}

// TestRestoreThatIsCutOff: what a broken restore left cannot be opened, and
// the next one replaces it.
func TestRestoreThatIsCutOff(t *testing.T) {
	t.Parallel()
	old, events := written(t)
	nc := natstest.Connect(t, natstest.Start(t, natstest.Options(t.TempDir())))
	cfg := eventstore.Config{Stream: "EVENTS"}
	broken := errors.New("the copy cannot be read")
	for _, n := range []int{1, len(events) / 2} {
		if _, err := eventstore.Restore(t.Context(), nc, cfg, copyOf(old.Epoch(), events[:n], broken)); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	if _, err := eventstore.Restore(t.Context(), nc, cfg, copyOf(old.Epoch(), events, io.EOF)); err != nil {
		t.Fatal(err)
	}
	if err := eventstore.FinishRestore(t.Context(), nc, cfg); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(events, stored(t, open(t, nc, cfg), len(events))); diff != "" {
		t.Errorf("(-copied +restored)\n%s", diff)
	}
}
