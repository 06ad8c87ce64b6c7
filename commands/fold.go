package commands

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/name"
	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// FoldTask returns t after r. A type or schema that this binary does not know
// is an error: the task is read-only for it.
func FoldTask(t task.Task, r eventstore.Record) (task.Task, error) {
	t.ID = r.Entity.ID
	return fold(t, r, task.Decode, task.Task.Apply)
}

// foldLean is FoldTask for the warm states: no decision looks at a task's
// input, which may be large.
func foldLean(t task.Task, r eventstore.Record) (task.Task, error) {
	t, err := FoldTask(t, r)
	t.Spec.Input = domain.Payload{}
	return t, err
}

// FoldAgent returns a after r, with the same rule as FoldTask.
func FoldAgent(a agent.Agent, r eventstore.Record) (agent.Agent, error) {
	a.ID = r.Entity.ID
	if !a.Exists() {
		a.Owner = r.Actor
	}
	return fold(a, r, agent.Decode, agent.Agent.Apply)
}

func foldName(n name.Name, r eventstore.Record) (name.Name, error) {
	return fold(n, r, name.Decode, func(n name.Name, e name.Event, _ time.Time) name.Name { return n.Apply(e) })
}

func foldProjection(p projection.Projection, r eventstore.Record) (projection.Projection, error) {
	p.ID = r.Entity.ID
	return fold(p, r, projection.Decode, projection.Projection.Apply)
}

// fold decodes a record and applies it to a state.
func fold[S, E any](s S, r eventstore.Record, decode func(string, int, []byte) (E, error), apply func(S, E, time.Time) S) (S, error) {
	e, err := decode(r.Type, r.Schema, r.Data)
	if err != nil {
		return s, fmt.Errorf("%s %s at %d: %w", r.Entity.Kind, r.Entity.ID, r.Seq, err)
	}
	return apply(s, e, r.Time), nil
}

// typed is what every domain event can do.
type typed interface{ Type() string }

// encode turns decided events into events to append.
func encode[E typed](schema int, events []E) ([]eventstore.NewEvent, error) {
	if len(events) == 0 {
		return nil, nil
	}
	out := make([]eventstore.NewEvent, len(events))
	for i, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", e.Type(), err)
		}
		out[i] = eventstore.NewEvent{Type: e.Type(), Schema: schema, Data: data}
	}
	return out, nil
}
