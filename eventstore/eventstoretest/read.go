package eventstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/eventstore"
)

// tailWhole tails while decisions of one to seven events are appended, and
// checks that no call of the handler ends within one.
func tailWhole(t *testing.T, s *eventstore.Store) {
	const writers, each = 8, 25
	total := 0
	for i := range each {
		total += writers * (1 + i%7)
	}
	var all sync.WaitGroup
	defer all.Wait()
	for range writers {
		all.Go(func() {
			for i := range each {
				if _, err := s.Append(t.Context(), decision(uuid.NewString(), write(entity(), 0, 1+i%7))); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, last := 0, uint64(0)
	err := s.Tail(ctx, 0, eventstore.TailOptions{MaxBatch: 3, Name: "whole"}, func(rs []eventstore.Record) error {
		for i, r := range rs {
			if r.Seq <= last {
				t.Errorf("sequence %d after %d", r.Seq, last)
			}
			if i == 0 && r.Index != 1 {
				t.Errorf("batch begins with event %d of %d", r.Index, r.Count)
			}
			last = r.Seq
		}
		if end := rs[len(rs)-1]; !end.EndsDecision() || len(rs) > max(3, end.Count) {
			t.Errorf("batch of %d ends with event %d of %d", len(rs), end.Index, end.Count)
		}
		if seen += len(rs); seen == total {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != total {
		t.Errorf("tail saw %d of %d: %v", seen, total, err)
	}
	stop := errors.New("stop")
	if err := s.Tail(t.Context(), 0, eventstore.TailOptions{}, func([]eventstore.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("handler's error: %v", err)
	}
}

func longHistory(t *testing.T, s *eventstore.Store) {
	e := entity()
	r := must(t, s, decision("c1", write(e, 0, 700)))
	must(t, s, decision("c2", write(entity(), 0, 1)))
	same(t, history(t, s, e), r.Records)
	big := write(e, r.Last(), 20)
	for i := range big.Events {
		big.Events[i].Data = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 150<<10))
	}
	must(t, s, decision("c3", big))
	must(t, s, decision("c4", write(e, must(t, s, decision("c5", write(e, last(t, s, e), 20))).Last(), 1)))
	same(t, len(history(t, s, e)), 741)
}

func last(t *testing.T, s *eventstore.Store, e eventstore.Entity) uint64 {
	rs := history(t, s, e)
	return rs[len(rs)-1].Seq
}

func positions(t *testing.T, s *eventstore.Store) {
	p := s.Position(42)
	if seq, err := s.ParsePosition(p); seq != 42 || err != nil {
		t.Errorf("ParsePosition(%q) = %d, %v", p, seq, err)
	}
	if seq, err := s.ParsePosition(""); seq != 0 || err != nil {
		t.Errorf("the start = %d, %v", seq, err)
	}
	for _, bad := range []string{uuid.NewString() + ".42", "42", s.Epoch(), s.Epoch() + ".", s.Epoch() + ".-1", s.Epoch() + ".042", "garbage.x"} {
		var wrong *eventstore.PositionError
		if _, err := s.ParsePosition(bad); !errors.As(err, &wrong) {
			t.Errorf("ParsePosition(%q): %v", bad, err)
		}
	}
}

func artifacts(t *testing.T, s *eventstore.Store) {
	data := bytes.Repeat([]byte("hive"), 100_000)
	a, err := s.PutArtifact(t.Context(), "acme", "text/plain", data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.PutArtifact(t.Context(), "acme", "other", data)
	if err != nil {
		t.Fatal(err)
	}
	same(t, again, a)
	got, err := s.GetArtifact(t.Context(), "acme", a.Digest)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes: %v", len(got), err)
	}
	if _, err := s.GetArtifact(t.Context(), "other", a.Digest); !errors.Is(err, eventstore.ErrNotFound) {
		t.Errorf("another tenant's artifact: %v", err)
	}
	if _, err := s.GetArtifact(t.Context(), "acme", "sha256:../x"); !errors.Is(err, eventstore.ErrInvalid) {
		t.Errorf("malformed digest: %v", err)
	}
}

// cacheUpdates lets two caches without a tail update one counter.
func cacheUpdates(t *testing.T, s *eventstore.Store) {
	counter := eventstore.Model[int]{
		Kind:  "task",
		New:   func(string) int { return 0 },
		Apply: func(n int, _ eventstore.Record) (int, error) { return n + 1, nil },
	}
	const each = 20
	e := entity()
	var all sync.WaitGroup
	for range 2 {
		c := eventstore.NewCache(s, counter, 10)
		all.Go(func() {
			for range each {
				_, _, err := c.Update(t.Context(), e, eventstore.Command{ID: uuid.NewString()}, func(int) ([]eventstore.NewEvent, error) {
					return []eventstore.NewEvent{{Type: "task.counted", Schema: 1}}, nil
				})
				if err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	all.Wait()
	got, err := eventstore.NewCache(s, counter, 1).Load(t.Context(), e)
	if err != nil || got.State != 2*each {
		t.Errorf("counted to %d, %v; want %d", got.State, err, 2*each)
	}
}
