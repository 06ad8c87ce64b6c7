package eventstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// TestCloseDrains: Close answers what was taken before, and takes no more.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	got, _ := submit(s, 300, 1)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got.all.Wait()
	for i, err := range got.errs {
		if err != nil {
			t.Errorf("append %d: %v", i, err)
		}
	}
	if _, err := s.Append(t.Context(), one(newEntity(), 0, "late")); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	equal(t, s.Stats().Waiting, 0)
}

// TestCloseGivesUp: when the context ends first, all that wait are answered.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, natstest.Options(t.TempDir()))
	proxy := natstest.NewProxy(t, server.Addr().String())
	s, err := eventstore.Open(t.Context(), natstest.Dial(t, proxy.URL()), eventstore.Config{Stream: "EVENTS"})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Lose(false, true)
	got, _ := submit(s, 100, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	got.all.Wait()
	for i, err := range got.errs {
		if !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("append %d: %v", i, err)
		}
	}
}
