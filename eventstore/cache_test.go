package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/eventstore"
)

// account is folded from deposits; history is the ids of the commands.
type account struct {
	Sum     int
	Changes int
}

var errPoor = errors.New("not enough")

var accounts = eventstore.Model[account]{
	Kind: "task",
	New:  func(string) account { return account{} },
	Apply: func(a account, r eventstore.Record) (account, error) {
		var e struct {
			Amount int `json:"amount"`
		}
		if r.Type != "account.changed" {
			return a, fmt.Errorf("unknown type %q", r.Type)
		}
		if err := json.Unmarshal(r.Data, &e); err != nil {
			return a, err
		}
		return account{a.Sum + e.Amount, a.Changes + 1}, nil
	},
}

// change decides to add amount; a sum below zero is refused, nothing to add
// needs no event.
func change(amount int) func(account) ([]eventstore.NewEvent, error) {
	return func(a account) ([]eventstore.NewEvent, error) {
		if a.Sum+amount < 0 {
			return nil, errPoor
		}
		if amount == 0 {
			return nil, nil
		}
		return []eventstore.NewEvent{{Type: "account.changed", Schema: 1, Data: fmt.Appendf(nil, `{"amount":%d}`, amount)}}, nil
	}
}

// TestCacheModel compares two small caches, one fed by the log and one not,
// with a plain map, over random commands and retries.
func TestCacheModel(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	rapid.Check(t, func(r *rapid.T) {
		entities := []eventstore.Entity{newEntity(), newEntity(), newEntity()}
		start, err := s.LastSeq(t.Context())
		if err != nil {
			r.Fatal(err)
		}
		m := &cacheMachine{
			t: t, s: s, entities: entities, observed: start,
			caches: []*eventstore.Cache[account]{eventstore.NewCache(s, accounts, 2), eventstore.NewCache(s, accounts, 2)},
			want:   make(map[eventstore.Entity]account), done: make(map[string]eventstore.Receipt),
		}
		r.Repeat(map[string]func(*rapid.T){
			"update":  m.update,
			"retry":   m.retry,
			"observe": m.observe,
			"":        m.check,
		})
	})
}

type cacheMachine struct {
	t        *testing.T
	s        *eventstore.Store
	caches   []*eventstore.Cache[account]
	entities []eventstore.Entity
	observed uint64
	want     map[eventstore.Entity]account
	done     map[string]eventstore.Receipt
	commands []string
}

func (m *cacheMachine) update(r *rapid.T) {
	e := rapid.SampledFrom(m.entities).Draw(r, "entity")
	c := rapid.SampledFrom(m.caches).Draw(r, "cache")
	amount := rapid.IntRange(-5, 5).Draw(r, "amount")
	id := uuid.NewString()
	got, receipt, err := c.Update(m.t.Context(), e, eventstore.Command{ID: id}, change(amount))
	want := m.want[e]
	switch {
	case want.Sum+amount < 0:
		if !errors.Is(err, errPoor) {
			r.Fatalf("refusal: %v", err)
		}
	case err != nil:
		r.Fatal(err)
	case amount == 0:
		if len(receipt.Records) != 0 {
			r.Fatalf("nothing to do: %+v", receipt)
		}
	default:
		want = account{want.Sum + amount, want.Changes + 1}
		if receipt.Repeat || got != receipt.Last() {
			r.Fatalf("got %d, %+v", got, receipt)
		}
		if now, err := c.Load(m.t.Context(), e); err != nil || now.State != want || now.Seq != got {
			r.Fatalf("got %+v, %v; want %+v", now, err, want)
		}
		m.want[e], m.done[id] = want, receipt
		m.commands = append(m.commands, id)
	}
}

func (m *cacheMachine) retry(r *rapid.T) {
	if len(m.commands) == 0 {
		return
	}
	id := rapid.SampledFrom(m.commands).Draw(r, "command")
	c := rapid.SampledFrom(m.caches).Draw(r, "cache")
	first := m.done[id]
	// A retry may even be refused by the present state: it had been applied.
	_, receipt, err := c.Update(m.t.Context(), first.Records[0].Entity, eventstore.Command{ID: id}, change(-1_000_000))
	if err != nil || !receipt.Repeat || receipt.Last() != first.Last() {
		r.Fatalf("retry: %+v, %v; want %+v", receipt, err, first)
	}
}

// observe feeds the first cache with what the log has got.
func (m *cacheMachine) observe(r *rapid.T) {
	end, err := m.s.LastSeq(m.t.Context())
	if err != nil {
		r.Fatal(err)
	}
	for m.observed < end {
		m.observed++
		record, err := m.s.Get(m.t.Context(), m.observed)
		if err != nil {
			r.Fatal(err)
		}
		m.caches[0].Observe([]eventstore.Record{record})
	}
}

func (m *cacheMachine) check(r *rapid.T) {
	for _, e := range m.entities {
		got, err := eventstore.NewCache(m.s, accounts, 1).Load(m.t.Context(), e)
		if err != nil || got.State != m.want[e] {
			r.Fatalf("log: %+v, %v; want %+v", got, err, m.want[e])
		}
	}
}

// TestCacheFollows: a cache fed by a tail knows what another node has done,
// without asking, while it is loaded from many goroutines.
func TestCacheFollows(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	other := open(t, nc, eventstore.Config{Stream: "EVENTS"})
	c, theirs := eventstore.NewCache(s, accounts, 50), eventstore.NewCache(other, accounts, 50)
	ctx, cancel := context.WithCancel(t.Context())
	var tail, all sync.WaitGroup
	const each = 30
	e := newEntity()
	caught := make(chan struct{})
	tail.Go(func() {
		seen := 0
		_ = s.Tail(ctx, 0, eventstore.TailOptions{}, func(rs []eventstore.Record) error {
			c.Observe(rs)
			if seen += len(rs); seen == 2*each {
				close(caught)
			}
			return nil
		})
	})
	for _, cache := range []*eventstore.Cache[account]{c, theirs} {
		for range 3 {
			all.Go(func() {
				for range each / 3 {
					if _, _, err := cache.Update(t.Context(), e, eventstore.Command{}, change(1)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	<-caught
	got, err := c.Load(t.Context(), e)
	if err != nil || got.State.Sum != 2*each {
		t.Errorf("%+v, %v", got, err)
	}
	cancel()
	tail.Wait()
}

// TestCacheReadOnly: an event that this binary does not know makes the entity
// read-only, whether it is loaded or comes by the tail.
func TestCacheReadOnly(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	c := eventstore.NewCache(s, accounts, 10)
	e := newEntity()
	if _, err := c.Load(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	r, err := s.Append(t.Context(), one(e, 0, "c"))
	if err != nil {
		t.Fatal(err)
	}
	c.Observe(r.Records)
	_, _, err = c.Update(t.Context(), e, eventstore.Command{}, change(1))
	var readOnly *eventstore.ReadOnlyError
	if !errors.As(err, &readOnly) || readOnly.Seq != r.Last() || !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := c.Load(t.Context(), eventstore.Entity{Tenant: "acme", Kind: "agent", ID: "1"}); !errors.Is(err, eventstore.ErrInvalid) {
		t.Errorf("another kind: %v", err)
	}
}

// TestCacheManyCommands: a command is recognised however many came after it.
func TestCacheManyCommands(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	c := eventstore.NewCache(s, accounts, 10)
	e := newEntity()
	for i := range 80 {
		if _, _, err := c.Update(t.Context(), e, eventstore.Command{ID: fmt.Sprint("c", i)}, change(1)); err != nil {
			t.Fatal(err)
		}
	}
	_, r, err := c.Update(t.Context(), e, eventstore.Command{ID: "c0"}, change(-1_000))
	if err != nil || !r.Repeat || r.Records[0].Command != "c0" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCacheKeepsNewEntities shows that an entity whose first event a tail
// brings is answered without the log: here, without the record being in it.
func TestCacheKeepsNewEntities(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	opened := accounts
	opened.Begins = "account.changed"
	c := eventstore.NewCache(s, opened, 10)
	e := eventstore.Entity{Tenant: "t1", Kind: "task", ID: uuid.NewString()}
	c.Observe([]eventstore.Record{
		{Seq: 7, Entity: e, Type: "account.changed", Schema: 1, Data: []byte(`{"amount":3}`)},
		{Seq: 9, Entity: e, Type: "account.changed", Schema: 1, Data: []byte(`{"amount":4}`)},
	})
	got, err := c.Load(t.Context(), e)
	if err != nil || got.Seq != 9 || got.State.Sum != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestCacheDropsEndedEntities: after the event that ends it, an entity is
// loaded from the log when it is asked for, and a command is still recognised.
func TestCacheDropsEndedEntities(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	closed := accounts
	closed.Ends = "account.changed"
	c, e := eventstore.NewCache(s, closed, 10), newEntity()
	for i := range uint64(3) {
		seq, r, err := c.Update(t.Context(), e, eventstore.Command{ID: fmt.Sprint("c", i)}, change(1))
		if err != nil || seq != r.Last() {
			t.Fatalf("%d, %+v, %v", seq, r, err)
		}
		c.Observe(r.Records)
		if eventstore.Cached(c, e) {
			t.Error("it is still cached")
		}
		got, err := c.Load(t.Context(), e)
		if err != nil || got.State.Sum != int(i)+1 || got.Seq != seq {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if _, r, err := c.Update(t.Context(), e, eventstore.Command{ID: "c1"}, change(1)); err != nil || !r.Repeat {
		t.Errorf("%+v, %v", r, err)
	}
}
