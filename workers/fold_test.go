package workers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// TestTheFoldIsTheLog compares the fleet after a random history with every
// entity folded by itself, and with a fleet that folds the log again, in
// part twice.
func TestTheFoldIsTheLog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := newLedger(t)
		m := mill{ledger: l, t: rt}
		for range rapid.IntRange(1, 100).Draw(rt, "steps") {
			m.step()
		}
		tasks, agents := map[string]task.Task{}, map[string]agent.Agent{}
		for _, r := range l.log {
			var err error
			if r.Entity.Kind == "task" {
				tasks[r.Entity.ID], err = commands.FoldTask(tasks[r.Entity.ID], r)
			} else {
				agents[r.Entity.ID], err = commands.FoldAgent(agents[r.Entity.ID], r)
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		again := newFleet()
		for i, r := range l.log {
			again.fold(r, l.now)
			if i%3 == 0 {
				again.fold(l.log[i/2], l.now)
			}
		}
		for _, f := range []*fleet{l.fleet, again} {
			compare(rt, f, tasks, agents)
		}
	})
}

func compare(t *rapid.T, f *fleet, tasks map[string]task.Task, agents map[string]agent.Agent) {
	open, load := 0, map[string]int{}
	for id, want := range tasks {
		w := f.works[key{tenant, id}]
		if want.Status.Final() != (w == nil) {
			t.Fatalf("task %s is %s, known: %t", id, want.Status, w != nil)
		}
		if w == nil {
			continue
		}
		open++
		if want.Status.Held() {
			load[want.Agent]++
		}
		if d := cmp.Diff(want, *w.state()); d != "" {
			t.Fatalf("task %s: %s", id, d)
		}
	}
	if len(f.works) != open {
		t.Fatalf("%d tasks are known, %d are open", len(f.works), open)
	}
	for id, want := range agents {
		m := f.member(key{tenant, id})
		if d := cmp.Diff(want, m.loaded.State); d != "" || len(m.held) != load[id] {
			t.Fatalf("agent %s holds %d, want %d; %s", id, len(m.held), load[id], d)
		}
	}
}

func TestALargeInputIsNotKept(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for id, size := range map[string]int{"small": keepInput - 2, "large": keepInput} {
		s := task.Spec{}
		s.Input.Inline = []byte(`"` + strings.Repeat("x", size) + `"`)
		l.submit(id, s)
	}
	if w := l.work("small"); w.trimmed || len(w.state().Spec.Input.Inline) != keepInput {
		t.Error("the small input is gone")
	}
	if w := l.work("large"); !w.trimmed || !w.state().Spec.Input.IsZero() || w.submit == 0 {
		t.Error("the large input is still there, or cannot be found again")
	}
}

func TestOnlyWhoDidNotEndTheAttemptIsTold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event task.Event
		want  string
	}{
		{task.Cancelled{Reason: "enough"}, "cancelled: enough"},
		{task.Cancelled{}, "cancelled"},
		{task.LeaseExpired{Attempt: 1, Agent: "a1", Reason: "agent lost", Outcome: task.OutcomeRetry}, "agent lost"},
		{task.DeadlineExceeded{}, "deadline exceeded"},
		{task.Completed{Attempt: 1, Agent: "a1"}, ""},
		{task.AttemptFailed{Attempt: 1, Agent: "a1", Outcome: task.OutcomeRetry}, ""},
		{task.AssignmentReturned{Attempt: 1, Agent: "a1"}, ""},
		{task.Started{Attempt: 1, Agent: "a1"}, ""},
	}
	for _, tt := range tests {
		l := newLedger(t)
		l.join("a1", 1)
		l.hold("t1", task.Spec{}, "a1")
		var want *ended
		if tt.want != "" {
			want = &ended{tenant, "a1", Revocation{Task: "t1", Attempt: 1, Reason: tt.want}}
		}
		got := l.record("task", "t1", tt.event.Type(), task.Schema, tt.event).revoke
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %+v, want %+v", tt.event.Type(), got, want)
		}
	}
}

func TestARequeuedTaskIsLoadedAgain(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.submit("t1", task.Spec{})
	before := l.work("t1").loaded
	l.task("t1", task.Cancelled{})
	n := l.record("task", "t1", task.Requeued{}.Type(), task.Schema, task.Requeued{})
	w := n.load
	if w == nil || l.fleet.complete(l.seq) || !l.fleet.complete(l.seq-1) {
		t.Fatalf("nothing is loaded: %+v", n)
	}
	l.record("task", "t1", task.Cancelled{}.Type(), task.Schema, task.Cancelled{})
	if l.fleet.install(w, before, 1, nil, l.now) {
		t.Fatal("a history without the last event was accepted")
	}
	before.Seq = l.seq
	if !l.fleet.install(w, before, 1, nil, l.now) || !l.fleet.complete(l.seq) {
		t.Fatal("the history was refused")
	}
	if got := l.work("t1"); got != w || got.submit != 1 || got.class == nil {
		t.Errorf("task: %+v", got)
	}
	l.fleet.review(w, l.now)
	if w.inQueue == 0 {
		t.Error("it does not wait")
	}
}

func TestAnUnknownEventMakesATaskReadOnly(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := l.join("a1", 2)
	l.submit("known", task.Spec{})
	p := l.round(1)[0]
	for _, id := range []string{"known", "new"} {
		n := l.record("task", id, "task.suspended", 9, nil)
		l.fleet.review(n.changed, l.now)
		if l.work(id).readOnly == "" {
			t.Errorf("%s is not read-only", id)
		}
	}
	l.submit("new", task.Spec{})
	if pairs := l.round(10); len(pairs) != 0 || m.used() != 0 || p.work.flight != nil {
		t.Errorf("%v were assigned, the agent has %d", pairs, m.used())
	}
	l.record("agent", "a1", "agent.suspended", 9, nil)
	if l.fleet.readOnly != 3 || m.pool != nil {
		t.Errorf("%d are read-only, the agent may be given work: %t", l.fleet.readOnly, m.pool != nil)
	}
	l.task("known", task.Cancelled{})
	if l.work("known") != nil || l.fleet.readOnly != 2 {
		t.Error("a read-only task did not end")
	}
}

func TestOutcomesOfEffects(t *testing.T) {
	t.Parallel()
	conflict := &eventstore.ConflictError{}
	tests := []struct {
		name     string
		err      error
		free     int           // slots at once
		again    time.Duration // until the task waits again
		paused   bool
		counters Counters
	}{
		{"stored", nil, 0, 0, false, Counters{Assigned: 1, Hints: 1}},
		{"conflict", conflict, 1, waitTail, false, Counters{Conflicts: 1}},
		{"unknown", fmt.Errorf("append: %w", eventstore.ErrUnknownOutcome), 0, waitUnknown, true, Counters{Unknown: 1}},
		{"unavailable", eventstore.ErrUnavailable, 1, waitLog, true, Counters{Failed: 1}},
		{"full", eventstore.ErrFull, 1, waitLog, true, Counters{Failed: 1}},
		{"refused", errors.New("no"), 1, waitTail, false, Counters{Failed: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			m := l.join("a1", 1)
			l.submit("t1", task.Spec{})
			p := l.round(1)[0]
			c := New(Config{Send: func(string, string, Message) {}})
			c.fleet, c.inFlight = l.fleet, 1
			c.landed(result{what: assign, work: p.work, flight: p.work.flight, agent: m, err: tt.err}, l.now)
			if d := cmp.Diff(tt.counters, c.count); d != "" || c.inFlight != 0 || m.free() != tt.free || l.now.Before(c.pausedUntil) != tt.paused {
				t.Errorf("%d in flight, %d free, paused until %s; %s", c.inFlight, m.free(), c.pausedUntil, d)
			}
			if tt.again == 0 {
				return
			}
			l.after(tt.again - ms)
			early := p.work.inQueue
			l.after(ms)
			if early != 0 || p.work.inQueue == 0 || m.free() != 1 {
				t.Errorf("waits early: %t, waits: %t, %d free", early != 0, p.work.inQueue != 0, m.free())
			}
		})
	}
}
