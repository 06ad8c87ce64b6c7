package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

func isConflict(err error) bool {
	var conflict *eventstore.ConflictError
	return errors.As(err, &conflict)
}

// call is one append to an entity, or one read of it (command "").
type call struct {
	entity  int
	command string
	expect  uint64
}

// outcome is what a call answered.
type outcome struct {
	seq      uint64 // of the event appended, or of the last one read
	conflict bool
	unknown  bool
}

// register is the model: an entity is the sequence of its last event. An
// append takes effect exactly when its expectation is that sequence.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[int][]porcupine.Operation{}
		for _, o := range history {
			parts[o.Input.(call).entity] = append(parts[o.Input.(call).entity], o)
		}
		var out [][]porcupine.Operation
		for _, p := range parts {
			out = append(out, p)
		}
		return out
	},
	Init: func() any { return uint64(0) },
	Step: func(state, input, output any) (bool, any) {
		last, in, out := state.(uint64), input.(call), output.(outcome)
		switch {
		case in.command == "":
			return out.seq == last, last
		case out.conflict:
			return in.expect != last, last
		case out.unknown:
			return true, last
		default:
			return in.expect == last && out.seq > last, out.seq
		}
	},
}

// race lets many writers append to few entities through several stores, and
// checks the history. During, if given, runs beside them, and they go on until
// it ends.
func race(t *testing.T, stores []*eventstore.Store, each int, during ...func()) {
	t.Helper()
	const writers, few = 12, 3
	var (
		mu       sync.Mutex
		history  []porcupine.Operation
		all      sync.WaitGroup
		entities [few]eventstore.Entity
		last     [few]atomic.Uint64
		won      atomic.Int64
		lost     atomic.Int64
	)
	for i := range entities {
		entities[i] = newEntity()
	}
	began := time.Now()
	var busy atomic.Int64
	for _, d := range during {
		busy.Add(1)
		all.Go(func() {
			defer busy.Add(-1)
			d()
		})
	}
	for w := range writers {
		all.Go(func() {
			for n := 0; n < each || busy.Load() > 0; n++ {
				k := (w + n) % few
				in := call{entity: k, command: uuid.NewString(), expect: last[k].Load()}
				if n%8 == 7 {
					in.command = ""
				}
				start := time.Since(began)
				out, err := perform(stores[w%len(stores)], entities[k], in)
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				if !out.conflict && out.seq > 0 {
					last[k].Store(out.seq)
				}
				if in.command != "" && out.conflict {
					lost.Add(1)
				} else if in.command != "" {
					won.Add(1)
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: w, Input: in, Call: int64(start), Output: out, Return: int64(time.Since(began))})
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if won.Load() == 0 || lost.Load() == 0 {
		t.Errorf("%d appends won, %d lost: the test shows nothing", won.Load(), lost.Load())
	}
	if result := porcupine.CheckOperationsTimeout(register, history, 20*time.Second); result != porcupine.Ok {
		t.Errorf("history of %d calls: %s", len(history), result)
	}
}

func perform(s *eventstore.Store, e eventstore.Entity, in call) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if in.command == "" {
		return read(ctx, s, e)
	}
	r, err := s.Append(ctx, one(e, in.expect, in.command))
	switch {
	case isConflict(err):
		return outcome{conflict: true}, nil
	case err != nil:
		return outcome{}, err
	case r.Repeat:
		return outcome{}, fmt.Errorf("repeat of a fresh command: %+v", r)
	}
	return outcome{seq: r.Last()}, nil
}

// read returns the entity's last sequence as a conflicting append tells it: an
// expectation that can never be met makes the store ask the leader.
func read(ctx context.Context, s *eventstore.Store, e eventstore.Entity) (outcome, error) {
	_, err := s.Append(ctx, one(e, 1<<62, uuid.NewString()))
	var conflict *eventstore.ConflictError
	if !errors.As(err, &conflict) {
		return outcome{}, fmt.Errorf("read by conflict: %w", err)
	}
	return outcome{seq: conflict.Actual}, nil
}

// TestLinearizable races writers of two stores on one server.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, natstest.Options(t.TempDir())))
	a := open(t, nc, eventstore.Config{Stream: "EVENTS"})
	b := open(t, nc, eventstore.Config{Stream: "EVENTS"})
	race(t, []*eventstore.Store{a, b}, 60)
}

// TestLinearizableRestarts does so while connections are cut and the server is
// restarted.
func TestLinearizableRestarts(t *testing.T) {
	t.Parallel()
	o := natstest.Options(t.TempDir())
	o.Port = natstest.FreePort(t)
	server := natstest.Start(t, o)
	proxy := natstest.NewProxy(t, server.Addr().String())
	a := open(t, natstest.Dial(t, proxy.URL()), eventstore.Config{Stream: "EVENTS"})
	b := open(t, natstest.Dial(t, server.ClientURL()), eventstore.Config{Stream: "EVENTS"})
	grown := func(by uint64) {
		from := b.Stats().Appended
		natstest.Eventually(t, "appends go on", func() bool { return b.Stats().Appended >= from+by })
	}
	unknown := func() uint64 { return a.Stats().Unknown + b.Stats().Unknown }
	race(t, []*eventstore.Store{a, b}, 50, func() {
		for round := 0; round < 3 || unknown() == 0; round++ {
			grown(3)
			proxy.Lose(false, true)
			grown(3)
			proxy.Lose(false, false)
			proxy.Cut()
			grown(3)
			natstest.Stop(server)
			server = natstest.Start(t, o)
		}
	})
}
