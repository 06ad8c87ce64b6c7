package eventstoretest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/eventstore"
)

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func appendAndRead(t *testing.T, s *eventstore.Store) {
	e := entity()
	r1 := must(t, s, decision("c1", write(e, 0, 1)))
	r2 := must(t, s, decision("c2", write(e, r1.Last(), 3)))
	want := append(append([]eventstore.Record(nil), r1.Records...), r2.Records...)
	same(t, history(t, s, e), want)
	for _, w := range want {
		got, err := s.Get(t.Context(), w.Seq)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, w)
	}
	after, err := s.History(t.Context(), e, r1.Last())
	if err != nil {
		t.Fatal(err)
	}
	same(t, after, r2.Records)
	if last, err := s.LastSeq(t.Context()); err != nil || last != r2.Last() {
		t.Errorf("LastSeq = %d, %v; want %d", last, err, r2.Last())
	}
	if _, err := s.Get(t.Context(), r2.Last()+1); !errors.Is(err, eventstore.ErrNotFound) {
		t.Errorf("Get beyond the end: %v", err)
	}
	if _, err := uuid.Parse(want[0].ID); err != nil || want[0].Actor != "a1" || want[3].Index != 3 || want[3].Count != 3 {
		t.Errorf("envelope: %+v", want)
	}
	same(t, len(history(t, s, entity())), 0)
}

func refusals(t *testing.T, s *eventstore.Store) {
	e := entity()
	big := write(e, 0, 1)
	big.Events[0].Data = make([]byte, 9<<20)
	typeless := write(e, 0, 1)
	typeless.Events[0].Type = ""
	dotted := e
	dotted.ID = "a.b"
	injected := decision("c", write(e, 0, 1))
	injected.Command.Actor = "a\r\nmesh-command: x"
	long := decision("c", write(e, 0, 1))
	long.Command.Correlation = strings.Repeat("x", 17<<10)
	for name, c := range map[string]struct {
		d    eventstore.Decision
		want error
	}{
		"huge event":      {decision("c", big), eventstore.ErrTooLarge},
		"too many events": {decision("c", write(e, 0, 1001)), eventstore.ErrTooLarge},
		"long envelope":   {long, eventstore.ErrTooLarge},
		"no type":         {decision("c", typeless), eventstore.ErrInvalid},
		"dot in the id":   {decision("c", write(dotted, 0, 1)), eventstore.ErrInvalid},
		"wildcard":        {decision("c", write(eventstore.Entity{Tenant: "*", Kind: "task", ID: "1"}, 0, 1)), eventstore.ErrInvalid},
		"header line":     {injected, eventstore.ErrInvalid},
		"entity twice":    {decision("c", write(e, 0, 1), write(e, 0, 1)), eventstore.ErrInvalid},
	} {
		if _, err := s.Append(t.Context(), c.d); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := must(t, s, decision("c")); len(r.Records) != 0 {
		t.Errorf("no events: %+v", r)
	}
	same(t, len(history(t, s, e)), 0)
}

func conflicts(t *testing.T, s *eventstore.Store) {
	e := entity()
	first := must(t, s, decision("c1", write(e, 0, 1)))
	second := must(t, s, decision("c2", write(e, first.Last(), 1)))
	for _, events := range []int{1, 2} {
		for _, expect := range []uint64{0, first.Last(), second.Last() + 1, second.Last() + 1000} {
			_, err := s.Append(t.Context(), decision(fmt.Sprint("x", expect), write(e, expect, events)))
			var conflict *eventstore.ConflictError
			if !errors.As(err, &conflict) {
				t.Fatalf("expect %d: %v", expect, err)
			}
			same(t, *conflict, eventstore.ConflictError{Entity: e, Expected: expect, Actual: second.Last()})
		}
	}
	same(t, len(history(t, s, e)), 2)
}

func repeats(t *testing.T, s *eventstore.Store) {
	e, other := entity(), entity()
	first := must(t, s, decision("c1", write(e, 0, 2), write(other, 0, 1)))
	must(t, s, decision("c2", write(e, first.Records[1].Seq, 1)))
	again := must(t, s, decision("c1", write(e, 0, 2), write(other, 0, 1)))
	if !again.Repeat || first.Repeat {
		t.Errorf("Repeat: first %t, again %t", first.Repeat, again.Repeat)
	}
	same(t, again.Records, first.Records)
	same(t, len(history(t, s, e)), 3)
}

func severalEntities(t *testing.T, s *eventstore.Store) {
	a, b := entity(), entity()
	r := must(t, s, decision("c1", write(a, 0, 2), write(b, 0, 1)))
	same(t, history(t, s, a), r.Records[:2])
	same(t, history(t, s, b), r.Records[2:])
	_, err := s.Append(t.Context(), decision("c2", write(a, r.Records[1].Seq, 1), write(b, 0, 1)))
	var conflict *eventstore.ConflictError
	if !errors.As(err, &conflict) || conflict.Entity != b {
		t.Errorf("one stale entity of two: %v", err)
	}
	same(t, len(history(t, s, a)), 2)
	same(t, len(must(t, s, decision("c3", write(entity(), 0, 1000))).Records), 1000)
}

// staleAlone lets 400 appends gather into groups; every fourth is stale.
func staleAlone(t *testing.T, s *eventstore.Store) {
	const n = 400
	var (
		all     sync.WaitGroup
		old     = make([]eventstore.Entity, n/4)
		answers = make([]error, n)
	)
	for i := range old {
		old[i] = entity()
		must(t, s, decision(uuid.NewString(), write(old[i], 0, 1)))
	}
	for i := range n {
		e := entity()
		if i%4 == 0 {
			e = old[i/4]
		}
		all.Add(1)
		s.AppendAsync(decision(uuid.NewString(), write(e, 0, 1+i%2)), func(_ eventstore.Receipt, err error) {
			answers[i] = err
			all.Done()
		})
	}
	all.Wait()
	for i, err := range answers {
		var conflict *eventstore.ConflictError
		if stale := i%4 == 0; stale != errors.As(err, &conflict) || !stale && err != nil {
			t.Errorf("append %d: %v", i, err)
		}
	}
}
