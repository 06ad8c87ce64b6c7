// Package projectionstest makes histories to try read models on: the events
// that a busy mesh would have written, decided by the domain itself. A new event
// belongs into decide, agentStep or identityStep, or no read model is ever tried on it.
package projectionstest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// History makes decisions of random agents, tasks, identities and memories. The same seed gives the
// same decisions, but for the ids of events.
type History struct {
	Tenant string

	rng        *rand.Rand
	now        time.Time
	agents     []*entity[agent.Agent]
	open       []*entity[task.Task]
	identities identities
	memories   memories
	made       int
}

// entity is a folded state with the sequence of its last event.
type entity[S any] struct {
	id    string // where the state does not tell
	state S
	seq   uint64
}

// New returns a history that begins in the past.
func New(seed uint64) *History {
	return &History{
		Tenant: domain.DefaultTenant,
		rng:    rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // not for secrets
		now:    time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC),
	}
}

// Append writes the next n decisions to s. It keeps at most about 4,000 tasks
// open; several appends are on their way at a time, each of another entity.
func (h *History) Append(ctx context.Context, s *eventstore.Store, n int) error {
	wave := max(1, min(1000, n/10))
	for done := 0; done < n; {
		var steps []step
		busy := map[string]bool{}
		for len(steps) < min(wave, n-done) {
			if st, ok := h.next(busy); ok {
				steps = append(steps, st)
			}
		}
		if err := appendAll(ctx, s, steps); err != nil {
			return err
		}
		done += len(steps)
	}
	return nil
}

// step is one decision and what is to follow its append.
type step struct {
	decision eventstore.Decision
	applied  func(seq uint64)
}

func appendAll(ctx context.Context, s *eventstore.Store, steps []step) error {
	var wg sync.WaitGroup
	receipts, errs := make([]eventstore.Receipt, len(steps)), make([]error, len(steps))
	for i, st := range steps {
		wg.Add(1)
		s.AppendAsync(st.decision, func(r eventstore.Receipt, err error) {
			receipts[i], errs[i] = r, err
			wg.Done()
		})
	}
	wg.Wait()
	for i, st := range steps {
		if errs[i] != nil {
			return fmt.Errorf("append generated decision: %w", errs[i])
		}
		st.applied(receipts[i].Last())
	}
	return ctx.Err()
}

// next decides something about an entity that is not busy.
func (h *History) next(busy map[string]bool) (step, bool) {
	h.now = h.now.Add(time.Duration(h.rng.IntN(20_000)) * time.Microsecond)
	h.made++
	if len(h.agents) < 8 || h.rng.IntN(50) == 0 {
		return h.agentStep(busy)
	}
	if h.rng.IntN(8) == 0 {
		return h.identityStep(busy)
	}
	if h.rng.IntN(8) == 0 {
		return h.memoryStep(busy)
	}
	if len(h.open) < 4000 && h.rng.IntN(5) == 0 || len(h.open) < 20 {
		return h.submit()
	}
	return h.taskStep(busy)
}

func (h *History) id() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(h.rng.UintN(256))
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return uuid.UUID(b).String()
}

func (h *History) command(actor string) eventstore.Command {
	return eventstore.Command{ID: h.id(), Actor: actor, Correlation: h.id(), Time: h.now}
}

func (h *History) pick(of ...string) string { return of[h.rng.IntN(len(of))] }

func (h *History) submit() (step, bool) {
	e := &entity[task.Task]{state: task.Task{ID: h.id()}}
	input, _ := json.Marshal(map[string]any{"prompt": fmt.Sprintf("summarise document %d", h.made), "temperature": 0.2})
	spec := task.Spec{
		Queue: h.pick("default", "batch", "gpu"), Capabilities: []string{h.pick("text", "image", "code")}, Priority: h.rng.IntN(10),
		Input: domain.Payload{Inline: input}, Labels: map[string]string{"env": h.pick("prod", "test")},
	}.WithDefaults()
	if h.rng.IntN(10) == 0 {
		spec.Deadline = h.now.Add(2 * time.Second)
	}
	if h.rng.IntN(10) == 0 {
		spec.Retry.MaxAttempts = 1
	}
	events, err := e.state.Submit(spec, "h", h.now)
	if err != nil || len(events) == 0 {
		return step{}, false
	}
	h.open = append(h.open, e)
	return taskStep(h, e, h.command("user-1"), events), true
}

func (h *History) taskStep(busy map[string]bool) (step, bool) {
	i := h.rng.IntN(len(h.open))
	e := h.open[i]
	if e.seq == 0 || busy[e.state.ID] {
		return step{}, false
	}
	events, err := h.decide(e.state)
	if err != nil || len(events) == 0 {
		return step{}, false
	}
	busy[e.state.ID] = true
	st := taskStep(h, e, h.command(h.pick("worker", "agent-7", "agent-8")), events)
	after := e.state
	for _, ev := range events {
		after = after.Apply(ev, h.now)
	}
	if after.Status.Final() && (after.Status != task.StatusDeadLettered || h.rng.IntN(2) != 0) {
		h.open[i] = h.open[len(h.open)-1]
		h.open = h.open[:len(h.open)-1]
	}
	return st, true
}

// decide does what may happen to a task next; mostly it goes well.
func (h *History) decide(t task.Task) ([]task.Event, error) {
	odds := h.rng.IntN(100)
	switch {
	case t.Status == task.StatusDeadLettered:
		return t.Requeue("try again", time.Time{}, h.now)
	case odds == 0:
		return t.Cancel("no longer needed")
	case odds == 1:
		return t.ExceedDeadline(h.now)
	case t.Status == task.StatusWaiting:
		return t.Assign(h.agents[h.rng.IntN(len(h.agents))].state.ID, h.now)
	case odds < 5:
		return t.Return(t.Attempt, t.Agent, "busy")
	case odds < 8:
		return t.ExpireLease(t.Attempt, "silent", h.now)
	case odds < 14:
		return t.Fail(t.Attempt, t.Agent, task.Failure{Message: "exit 1", Permanent: odds == 8, StartedAt: h.now, Log: domain.Payload{Inline: []byte(`"trace"`)}}, h.now)
	case odds < 25 && t.Status == task.StatusRunning:
		return t.Progress(t.Attempt, t.Agent, odds, "working")
	case t.Status == task.StatusAssigned && odds < 80:
		return t.Start(t.Attempt, t.Agent)
	}
	return t.Complete(t.Attempt, t.Agent, h.now, domain.Payload{Inline: []byte(`{"summary":"all is well","tokens":812}`)}, domain.Payload{})
}

func (h *History) agentStep(busy map[string]bool) (step, bool) {
	if len(h.agents) < 8 || len(h.agents) < 200 && h.rng.IntN(4) == 0 {
		e := &entity[agent.Agent]{state: agent.Agent{ID: h.id()}}
		events, err := e.state.Register(agent.Spec{Name: fmt.Sprintf("agent-%d", len(h.agents)), Capabilities: []string{"text", "code"}, Capacity: 4, Version: "1.0"})
		if err != nil {
			return step{}, false
		}
		h.agents = append(h.agents, e)
		busy[e.state.ID] = true
		return agentStep(h, e, events), true
	}
	e := h.agents[h.rng.IntN(len(h.agents))]
	if e.seq == 0 || busy[e.state.ID] {
		return step{}, false
	}
	var events []agent.Event
	var err error
	switch odds := h.rng.IntN(4); {
	case odds == 0 && e.state.Draining:
		events, err = e.state.Resume()
	case odds == 0:
		events, err = e.state.Drain("maintenance")
	case odds == 1 && e.state.Status == agent.StatusLost:
		events, err = e.state.Return()
	case odds == 1:
		events, err = e.state.Lose(h.now)
	case odds == 2 && h.rng.IntN(2) == 0:
		events, err = e.state.Leave()
	default:
		version := h.rng.IntN(50)
		switch {
		case version < 25 && e.state.Status == agent.StatusAsleep:
			events, err = e.state.Wake()
		case version < 10:
			events, err = e.state.Sleep(agent.Checkpoint{Memory: e.state.ID, Digest: "sha256:" + strings.Repeat("0", 64)}, "night", 0)
		default:
			spec := e.state.Spec
			spec.Version = fmt.Sprintf("1.%d", version)
			events, err = e.state.Register(spec)
		}
	}
	if err != nil || len(events) == 0 {
		return step{}, false
	}
	busy[e.state.ID] = true
	return agentStep(h, e, events), true
}

func taskStep(h *History, e *entity[task.Task], c eventstore.Command, events []task.Event) step {
	w := eventstore.Write{Entity: eventstore.Entity{Tenant: h.Tenant, Kind: "task", ID: e.state.ID}, Expect: e.seq}
	for _, ev := range events {
		w.Events = append(w.Events, encode(ev.Type(), task.Schema, ev))
	}
	return step{eventstore.Decision{Command: c, Writes: []eventstore.Write{w}}, func(seq uint64) {
		for _, ev := range events {
			e.state = e.state.Apply(ev, c.Time)
		}
		e.seq = seq
	}}
}

func agentStep(h *History, e *entity[agent.Agent], events []agent.Event) step {
	c := h.command("admin")
	w := eventstore.Write{Entity: eventstore.Entity{Tenant: h.Tenant, Kind: "agent", ID: e.state.ID}, Expect: e.seq}
	for _, ev := range events {
		w.Events = append(w.Events, encode(ev.Type(), agent.Schema, ev))
	}
	return step{eventstore.Decision{Command: c, Writes: []eventstore.Write{w}}, func(seq uint64) {
		for _, ev := range events {
			e.state = e.state.Apply(ev, c.Time)
		}
		e.seq = seq
	}}
}

// encode cannot fail: events hold nothing but JSON.
func encode(typ string, schema int, ev any) eventstore.NewEvent {
	data, err := json.Marshal(ev)
	if err != nil {
		data = nil
	}
	return eventstore.NewEvent{Type: typ, Schema: schema, Data: data}
}
