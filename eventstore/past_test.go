package eventstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/eventstore"
)

// A time names the last event before it, an event the end of its decision.
func TestPast(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	began := time.Now().Add(-time.Hour)
	if seq, err := s.SeqAt(t.Context(), time.Now()); seq != 0 || err != nil {
		t.Errorf("in an empty log: %d, %v", seq, err)
	}
	last := map[uint64]uint64{} // of the decision, by event
	ends := map[time.Time]uint64{}
	for i := range 20 {
		entities := []eventstore.Entity{newEntity(), newEntity(), newEntity()}[:1+i%3]
		d := one(entities[0], 0, newEntity().ID)
		for _, e := range entities[1:] {
			d.Writes = append(d.Writes, one(e, 0, "").Writes[0])
		}
		d.Command.Time = began.Add(time.Duration(i) * time.Second)
		r, err := s.Append(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		for n := range entities {
			last[r.Last()-uint64(n)] = r.Last() //nolint:gosec // small
		}
		ends[d.Command.Time] = r.Last()
		for _, within := range []time.Duration{0, 500 * time.Millisecond, 999 * time.Millisecond} {
			if seq, err := s.SeqAt(t.Context(), d.Command.Time.Add(within)); seq != r.Last() || err != nil {
				t.Errorf("%v after decision %d: event %d, not %d: %v", within, i, seq, r.Last(), err)
			}
		}
	}
	subject, err := newEntity().Subject()
	if err != nil {
		t.Fatal(err)
	}
	for range 40 { // what is no event stands in the log, too
		if _, err := nc.Request(subject, []byte("rubbish"), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	late := one(newEntity(), 0, newEntity().ID)
	late.Command.Time = began.Add(time.Minute)
	r, err := s.Append(t.Context(), late)
	if err != nil {
		t.Fatal(err)
	}
	ends[late.Command.Time] = r.Last()
	for at, want := range ends {
		if seq, err := s.SeqAt(t.Context(), at); seq != want || err != nil {
			t.Errorf("%v after the first: event %d, not %d: %v", at.Sub(began), seq, want, err)
		}
	}
	for seq, want := range last {
		if got, err := s.EndOfDecision(t.Context(), seq); got != want || err != nil {
			t.Errorf("the decision of event %d ends at %d, not %d: %v", seq, got, want, err)
		}
	}
	if seq, err := s.SeqAt(t.Context(), began.Add(-time.Second)); seq != 0 || err != nil {
		t.Errorf("before the first: %d, %v", seq, err)
	}
	if seq, err := s.SeqAt(t.Context(), began.Add(5*time.Second+1)); err != nil || last[seq] != seq {
		t.Errorf("in the middle: %d, %v", seq, err)
	}
	if _, err := s.EndOfDecision(t.Context(), 10_000); !errors.Is(err, eventstore.ErrNotFound) {
		t.Errorf("beyond the end: %v", err)
	}
}
