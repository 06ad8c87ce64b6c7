package projections_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

const (
	poisoned = "00000000-aaaa-4000-8000-000000000001"
	sibling  = "00000000-bbbb-4000-8000-000000000002"
	third    = "00000000-cccc-4000-8000-000000000003"
)

func entity(id string) eventstore.Entity {
	return eventstore.Entity{Tenant: domain.DefaultTenant, Kind: "task", ID: id}
}

func event(t testing.TB, typ string, schema int, data any) eventstore.NewEvent {
	t.Helper()
	raw, ok := data.(string)
	if !ok {
		b, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(b)
	}
	return eventstore.NewEvent{Type: typ, Schema: schema, Data: []byte(raw)}
}

// write appends one decision and returns the sequence of its last event.
func (b *bundle) write(t testing.TB, writes ...eventstore.Write) uint64 {
	t.Helper()
	r, err := b.store.Append(t.Context(), eventstore.Decision{Command: eventstore.Command{Actor: "tester", Time: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)}, Writes: writes})
	if err != nil {
		t.Fatal(err)
	}
	return r.Last()
}

func submitted() task.Submitted { return task.Submitted{Spec: task.Spec{}.WithDefaults()} }

// allTasks reads every task, without the sequences.
func (b *bundle) allTasks(t testing.TB, but ...string) []projections.Task {
	t.Helper()
	var all []projections.Task
	for q := (projections.Query{Limit: 1000}); ; {
		page, err := b.p.Tasks(t.Context(), domain.DefaultTenant, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Items {
			if !strings.Contains(strings.Join(but, " "), row.ID) {
				all = append(all, row)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
}

func (b *bundle) parked(t testing.TB, name string) []projections.Parked {
	t.Helper()
	page, err := b.p.Parked(t.Context(), name, projections.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// operate appends an operator's request and waits until it is carried out.
func (b *bundle) operate(t testing.TB, e projection.Event, expect uint64) uint64 {
	t.Helper()
	seq := b.write(t, eventstore.Write{
		Entity: eventstore.Entity{Tenant: domain.DefaultTenant, Kind: "projection", ID: "00000000-0000-5000-8000-000000000001"},
		Expect: expect, Events: []eventstore.NewEvent{event(t, e.Type(), projection.Schema, e)},
	})
	b.caughtUp(t)
	return seq
}

// poison writes the decisions of a kind of poison: an event that fails, some
// of the same entity behind it, and a sibling tied to it by a decision. It
// returns the sequence of the event that fails.
func (b *bundle) poison(t testing.TB, bad eventstore.NewEvent) uint64 {
	t.Helper()
	one := b.write(t, eventstore.Write{Entity: entity(poisoned), Events: []eventstore.NewEvent{event(t, "task.submitted", 2, submitted())}})
	two := b.write(t, eventstore.Write{Entity: entity(sibling), Events: []eventstore.NewEvent{event(t, "task.submitted", 2, submitted())}})
	last := b.write(t,
		eventstore.Write{Entity: entity(sibling), Expect: two, Events: []eventstore.NewEvent{event(t, "task.assigned", 2, task.Assigned{Attempt: 1, Agent: "a"})}},
		eventstore.Write{Entity: entity(poisoned), Expect: one, Events: []eventstore.NewEvent{bad}})
	b.write(t, eventstore.Write{Entity: entity(poisoned), Expect: last, Events: []eventstore.NewEvent{event(t, "task.cancelled", 2, task.Cancelled{Reason: "enough"})}})
	b.write(t, eventstore.Write{Entity: entity(sibling), Expect: last - 1, Events: []eventstore.NewEvent{event(t, "task.started", 2, task.Started{Attempt: 1, Agent: "a"})}})
	return last
}

func TestPoisonParks(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]eventstore.NewEvent{
		"unknown schema":      {Type: "task.progressed", Schema: 99, Data: []byte(`{}`)},
		"unknown type":        {Type: "task.painted", Schema: 2, Data: []byte(`{}`)},
		"refused by Postgres": {Type: "task.completed", Schema: 2, Data: []byte("{\"attempt\":1,\"agent\":\"a\",\"result\":{\"inline\":\"\xff\"}}")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, without := setup(t), setup(t)
			run(t, b.p)
			run(t, without.p)
			h, same := projectionstest.New(20), projectionstest.New(20)
			for _, err := range []error{h.Append(t.Context(), b.store, 200), same.Append(t.Context(), without.store, 200), same.Append(t.Context(), without.store, 200)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			seq := b.poison(t, bad)
			if err := h.Append(t.Context(), b.store, 200); err != nil {
				t.Fatal(err)
			}
			b.caughtUp(t)
			without.caughtUp(t)

			// Postgres does not tell which event of the decision it refused.
			tried := name == "refused by Postgres"
			want := []projections.Parked{{Seq: seq - 1, Behind: !tried}, {Seq: seq}, {Seq: seq + 1, Behind: true}, {Seq: seq + 2, Behind: true}}
			var got []projections.Parked
			for _, k := range b.parked(t, "tasks") {
				if k.Behind == (k.Error != "") {
					t.Errorf("event %d: behind %t, error %q", k.Seq, k.Behind, k.Error)
				}
				got = append(got, projections.Parked{Seq: k.Seq, Behind: k.Behind})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			row, err := b.p.Task(t.Context(), domain.DefaultTenant, poisoned, 0)
			if err != nil || !row.Incomplete || row.Status != "waiting" {
				t.Errorf("the poisoned task: %+v, %v", row, err)
			}
			ignore := cmpopts.IgnoreFields(projections.Task{}, "FirstSeq", "Seq")
			if diff := cmp.Diff(without.allTasks(t), b.allTasks(t, poisoned, sibling), ignore); diff != "" {
				t.Errorf("other rows differ from a run without poison:\n%s", diff)
			}
			if h := b.p.Health(); h.Parked == 0 {
				t.Error("health does not tell of parked events")
			}
			b.mustVerify(t)
		})
	}
}

func TestRetryAndSkip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	seq := b.poison(t, eventstore.NewEvent{Type: "task.progressed", Schema: 99, Data: []byte(`{}`)})
	b.caughtUp(t)
	key := "default/task/" + sibling // tied to the poisoned one
	at := b.operate(t, projection.RetryRequested{Projection: "tasks", Key: key}, 0)
	got := b.parked(t, "tasks")
	if len(got) != 4 || got[1].Seq != seq || got[1].Attempts != 2 {
		t.Fatalf("after a retry that had to fail: %+v", got)
	}
	b.operate(t, projection.SkipRequested{Projection: "tasks", Key: "default/task/" + poisoned, Seq: seq, Reason: "written by a test"}, at)
	if got := b.parked(t, "tasks"); len(got) != 0 {
		t.Fatalf("still parked after the skip: %+v", got)
	}
	for id, status := range map[string]string{poisoned: "cancelled", sibling: "running"} {
		row, err := b.p.Task(t.Context(), domain.DefaultTenant, id, 0)
		if err != nil || row.Status != status || row.Incomplete {
			t.Errorf("%s: %+v, %v", id, row, err)
		}
	}
	b.mustVerify(t)
}

// TestRetrySucceeds heals the cause: the parked row's event becomes one that
// this binary knows, as an update of the binary would.
func TestRetrySucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	first := b.write(t, eventstore.Write{Entity: entity(third), Events: []eventstore.NewEvent{event(t, "task.submitted", 2, submitted())}})
	b.caughtUp(t)
	if _, err := b.pool.Exec(t.Context(), `ALTER TABLE `+b.schema(t, "tasks")+`.task ADD CONSTRAINT broken CHECK (status <> 'cancelled')`); err != nil {
		t.Fatal(err)
	}
	b.write(t, eventstore.Write{Entity: entity(third), Expect: first, Events: []eventstore.NewEvent{event(t, "task.cancelled", 2, task.Cancelled{})}})
	b.caughtUp(t)
	if got := b.parked(t, "tasks"); len(got) != 1 || got[0].Behind {
		t.Fatalf("parked: %+v", got)
	}
	if _, err := b.pool.Exec(t.Context(), `ALTER TABLE `+b.schema(t, "tasks")+`.task DROP CONSTRAINT broken`); err != nil {
		t.Fatal(err)
	}
	b.operate(t, projection.RetryRequested{Projection: "tasks", Key: "default/task/" + third}, 0)
	if got := b.parked(t, "tasks"); len(got) != 0 {
		t.Fatalf("parked after the retry: %+v", got)
	}
	b.mustVerify(t)
}

// TestRebuildRequested asks for a rebuild by an event.
func TestRebuildRequested(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	b.operate(t, projection.RebuildRequested{Projection: "agents"}, 0)
	eventually(t, "a second generation of agents", func() bool {
		states, err := b.p.States(t.Context())
		return err == nil && states[0].Name == "agents" && states[0].Generation == 2 && states[0].Progress == nil
	})
	b.mustVerify(t)
}
