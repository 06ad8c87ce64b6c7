package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// TestPages reads a list in small pages while nothing changes: every row
// once, in order, and the same as in one page.
func TestPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	h := projectionstest.New(50)
	if err := h.Append(t.Context(), b.store, 600); err != nil {
		t.Fatal(err)
	}
	last := b.caughtUp(t)
	for _, filter := range []string{"", "status:waiting", "queue:gpu priority>=5", "label.env:prod capability:text,code", "status!=waiting", "submitted>2026-01-01 submitted<2027-01-01T00:00:00Z"} {
		whole, err := b.p.Tasks(t.Context(), h.Tenant, projections.Query{Filter: filter, Limit: 1000})
		if err != nil || len(whole.Items) == 0 || whole.Next != "" || whole.Seq != last || whole.Lag != 0 {
			t.Fatalf("%q: %d rows, next %q, %v", filter, len(whole.Items), whole.Next, err)
		}
		var rows []projections.Task
		q := projections.Query{Filter: filter, Limit: 7}
		for q.Cursor = "begin"; q.Cursor != ""; {
			if q.Cursor == "begin" {
				q.Cursor = ""
			}
			page, err := b.p.Tasks(t.Context(), h.Tenant, q)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, page.Items...)
			q.Cursor = page.Next
		}
		if diff := cmp.Diff(whole.Items, rows); diff != "" {
			t.Errorf("%q in pages: %s", filter, diff)
		}
	}
	b.otherLists(t, h.Tenant, last)
}

func (b *bundle) otherLists(t *testing.T, tenant string, last uint64) {
	t.Helper()
	agents, err := b.p.Agents(t.Context(), tenant, projections.Query{Limit: 3})
	if err != nil || len(agents.Items) != 3 || agents.Next == "" {
		t.Fatalf("agents: %+v, %v", agents, err)
	}
	more, err := b.p.Agents(t.Context(), tenant, projections.Query{Limit: 3, Cursor: agents.Next})
	if err != nil || more.Items[0].Name <= agents.Items[2].Name {
		t.Fatalf("more agents: %+v, %v", more, err)
	}
	for _, filter := range []string{"kind:task type:task.submitted", "time>2026-01-02 seq>5", "actor:admin", "entity:" + agents.Items[0].ID} {
		page, err := b.p.Events(t.Context(), tenant, projections.Query{Filter: filter, Limit: 5})
		if err != nil || len(page.Items) == 0 {
			t.Errorf("events %q: %+v, %v", filter, page, err)
		}
	}
	for misuse, q := range map[string]projections.Query{
		"cursor of another filter": {Cursor: agents.Next, Filter: "status:active"},
		"garbage":                  {Cursor: "%%%"},
		"no cursor":                {Cursor: "e30"},
		"too many":                 {Limit: 1001},
	} {
		if _, err := b.p.Agents(t.Context(), tenant, q); domain.KindOf(err) != domain.Invalid {
			t.Errorf("%s: %v", misuse, err)
		}
	}
	if _, err := b.p.Events(t.Context(), tenant, projections.Query{Cursor: agents.Next}); domain.KindOf(err) != domain.Invalid {
		t.Errorf("cursor of another list: %v", err)
	}
	if _, err := b.p.Agents(t.Context(), "other", projections.Query{Cursor: agents.Next}); domain.KindOf(err) != domain.Invalid {
		t.Errorf("cursor of another tenant: %v", err)
	}
	if page, err := b.p.Tasks(t.Context(), "other", projections.Query{After: last}); err != nil || len(page.Items) != 0 {
		t.Errorf("another tenant sees %+v, %v", page, err)
	}
}

// TestOneTask follows one task through its attempts.
func TestOneTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	at := time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	const agentID = "00000000-dddd-4000-8000-000000000004"
	spec := task.Spec{Input: domain.Payload{Inline: []byte(`{"b": 1,  "a":"\u0000"}`)}, Labels: map[string]string{"k": "v"}}.WithDefaults()
	b.write(t, eventstore.Write{
		Entity: eventstore.Entity{Tenant: "default", Kind: "agent", ID: agentID},
		Events: []eventstore.NewEvent{event(t, "agent.registered", 1, agent.Registered{Spec: agent.Spec{Name: "worker-1", Capacity: 2}})},
	})
	seq := uint64(0)
	for _, e := range []task.Event{
		task.Submitted{Spec: spec},
		task.Assigned{Attempt: 1, Agent: agentID},
		task.AttemptFailed{Attempt: 1, Agent: agentID, Error: "no\x00good", Outcome: task.OutcomeRetry, RetryAt: at.Add(time.Minute), StartedAt: at, Log: domain.Payload{Inline: []byte(`"log"`)}},
		task.Assigned{Attempt: 2, Agent: agentID},
		task.Progressed{Attempt: 2, Agent: agentID, Percent: 40, Message: "half"},
	} {
		seq = b.write(t, eventstore.Write{Entity: entity(third), Expect: seq, Events: []eventstore.NewEvent{event(t, e.Type(), task.Schema, e)}})
	}
	got, err := b.p.Task(t.Context(), "default", third[:9], seq)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Input.Inline) != `{"b": 1,  "a":"\u0000"}` && string(got.Input.Inline) != `{"b":1,"a":"\u0000"}` {
		t.Errorf("input %s", got.Input.Inline)
	}
	got.Input = domain.Payload{}
	want := projections.Task{
		ID: third, Status: "running", Queue: "default", Labels: map[string]string{"k": "v"}, Attempt: 2, Failures: 1, MaxAttempts: 3, LeaseMS: 30000,
		Agent: agentID, Progress: 40, Message: "half", SubmittedBy: "tester", SubmittedAt: at, StartedAt: &at, UpdatedAt: at, FirstSeq: 2, Seq: seq,
		Attempts: []projections.Attempt{
			{Number: 1, Agent: agentID, Outcome: "retry", Error: "no\uFFFDgood", AssignedAt: at, StartedAt: &at, EndedAt: &at, Log: domain.Payload{Inline: []byte(`"log"`)}},
			{Number: 2, Agent: agentID, Outcome: "running", AssignedAt: at, StartedAt: &at},
		},
	}
	retry := at.Add(time.Minute)
	want.NotBefore = &retry
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"worker-1", agentID, agentID[:8]} {
		a, err := b.p.Agent(t.Context(), "default", name, 0)
		if err != nil || a.Load != 1 || a.Name != "worker-1" {
			t.Errorf("agent %s: %+v, %v", name, a, err)
		}
	}
	b.counts(t)
	for _, id := range []string{"ffff", "no-such-name", "zz"} {
		if _, err := b.p.Task(t.Context(), "default", id, 0); domain.KindOf(err) != domain.NotFound {
			t.Errorf("task %s: %v", id, err)
		}
	}
}

func (b *bundle) counts(t *testing.T) {
	t.Helper()
	c, err := b.p.Counts(t.Context(), "default", 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]projections.Count{{Queue: "default", Status: "running", Tasks: 1}}, c.Now); diff != "" {
		t.Error(diff)
	}
}

// TestCounts compares the sums with the rows that they sum up.
func TestCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	h := projectionstest.New(51)
	if err := h.Append(t.Context(), b.store, 800); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	want := map[string]int64{}
	for _, row := range b.allTasks(t) {
		want[row.Queue+"/"+row.Status]++
	}
	c, err := b.p.Counts(t.Context(), h.Tenant, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, n := range c.Now {
		got[fmt.Sprintf("%s/%s", n.Queue, n.Status)] = n.Tasks
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
