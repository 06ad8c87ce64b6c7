package workers

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
)

// after moves the clock on and returns what has become due, by task.
func (l *ledger) after(d time.Duration) map[string]string {
	l.now = l.now.Add(d)
	due := map[string]string{}
	for w := l.fleet.pop(l.now); w != nil; w = l.fleet.pop(l.now) {
		if e, why := l.fleet.review(w, l.now); e != nothing {
			due[w.id] = e.String()
			if why != "" {
				due[w.id] += ": " + why
			}
		}
	}
	return due
}

// held makes a task that the agent holds.
func (l *ledger) hold(id string, s task.Spec, agentID string) *work {
	l.submit(id, s)
	l.task(id, task.Assigned{Attempt: 1, Agent: agentID})
	return l.work(id)
}

// steps is a table of what must have become due at which time.
func (l *ledger) steps(t *testing.T, id string, steps []step) {
	t.Helper()
	for i, s := range steps {
		if got := l.after(s.wait)[id]; got != s.due {
			t.Fatalf("step %d, at %s: %q is due, want %q", i, l.now.Format(time.TimeOnly), got, s.due)
		}
	}
}

type step struct {
	wait time.Duration
	due  string
}

const ms = time.Millisecond

func TestALeaseRunsFromTheLastSignOfLife(t *testing.T) {
	t.Parallel()
	expired := "expire: no sign of life for 10s"
	tests := []struct {
		name  string
		sign  func(l *ledger, w *work)
		steps []step
	}{
		{"the assignment", func(*ledger, *work) {}, []step{{4999 * ms, ""}, {ms, expired}}},
		{"an event of the attempt", func(l *ledger, w *work) {
			l.task(w.id, task.Progressed{Attempt: 1, Agent: "a1"})
		}, []step{{9999 * ms, ""}, {ms, expired}}},
		{"a heartbeat that names it", func(l *ledger, _ *work) {
			l.fleet.beat(key{tenant, "a1"}, []Held{{"t1", 1}}, l.now)
		}, []step{{9999 * ms, ""}, {ms, expired}}},
		{"a heartbeat that does not", func(l *ledger, _ *work) {
			l.fleet.beat(key{tenant, "a1"}, []Held{{"t1", 2}, {"t2", 1}}, l.now)
		}, []step{{5000 * ms, expired}}},
		{"a heartbeat of another agent", func(l *ledger, _ *work) {
			l.join("a2", 1)
			l.fleet.beat(key{tenant, "a2"}, []Held{{"t1", 1}}, l.now)
		}, []step{{5000 * ms, expired}}},
		{"a take-over", func(l *ledger, _ *work) { l.fleet.leasesFrom = l.now }, []step{{9999 * ms, ""}, {ms, expired}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			l.join("a1", 1)
			w := l.hold("t1", task.Spec{Lease: 10_000}, "a1")
			l.task("t1", task.Started{Attempt: 1, Agent: "a1"})
			l.after(5 * time.Second)
			tt.sign(l, w)
			l.steps(t, "t1", tt.steps)
		})
	}
}

func TestTimeBringsWhatIsDue(t *testing.T) {
	t.Parallel()
	t.Run("the deadline of a waiting task", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.submit("t1", task.Spec{Deadline: l.now.Add(90 * time.Second)})
		l.steps(t, "t1", []step{{89 * time.Second, ""}, {time.Second, "exceed"}})
		if l.work("t1").inQueue != 0 {
			t.Error("it still waits for an agent")
		}
	})
	t.Run("the deadline before the lease", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.join("a1", 1)
		l.hold("t1", task.Spec{Deadline: l.now.Add(time.Second)}, "a1")
		l.steps(t, "t1", []step{{999 * ms, ""}, {ms, "exceed"}})
	})
	t.Run("a task for later", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.submit("t1", task.Spec{NotBefore: l.now.Add(3 * time.Minute)})
		l.steps(t, "t1", []step{{179 * time.Second, ""}})
		if l.work("t1").inQueue != 0 {
			t.Error("it waits for an agent too early")
		}
		l.steps(t, "t1", []step{{time.Second, ""}})
		if l.work("t1").inQueue == 0 {
			t.Error("it does not wait for an agent")
		}
	})
	t.Run("hints, ever less often, until the agent names the attempt", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.join("a1", 1)
		w := l.hold("t1", task.Spec{Lease: task.MaxLease}, "a1")
		for _, wait := range []time.Duration{2, 4, 8, 16, 30, 30} {
			l.steps(t, "t1", []step{{wait*time.Second - ms, ""}, {ms, "rehint"}})
			w.rehinted(l.now)
			l.fleet.review(w, l.now)
		}
		l.fleet.beat(key{tenant, "a1"}, []Held{{"t1", 1}}, l.now)
		l.steps(t, "t1", []step{{time.Hour, ""}})
	})
	t.Run("attempts of an agent that is gone, at once", func(t *testing.T) {
		t.Parallel()
		for event, want := range map[agent.Event]struct {
			due effect
			why string
		}{agent.Lost{}: {expire, "agent lost"}, agent.Left{}: {takeBack, "agent left"}} {
			l := newLedger(t)
			l.join("a1", 2)
			w := l.hold("t1", task.Spec{}, "a1")
			n := l.agent("a1", event)
			if len(n.wake) != 1 || n.wake[0] != w {
				t.Fatalf("%T wakes %v", event, n.wake)
			}
			if e, why := l.fleet.review(w, l.now); e != want.due || why != want.why {
				t.Errorf("%T: %s because %q", event, e, why)
			}
		}
	})
	t.Run("an effect without an outcome is tried again", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		m := l.join("a1", 1)
		l.submit("t1", task.Spec{})
		p := l.round(1)[0]
		l.fleet.review(p.work, l.now)
		l.steps(t, "t1", []step{{time.Hour, ""}})
		p.work.flight.until = l.now.Add(time.Second)
		l.fleet.review(p.work, l.now)
		l.steps(t, "t1", []step{{999 * ms, ""}})
		if m.free() != 0 || p.work.inQueue != 0 {
			t.Error("the slot was given up too early")
		}
		l.steps(t, "t1", []step{{ms, ""}})
		if m.free() != 1 || p.work.inQueue == 0 {
			t.Error("the task does not wait again")
		}
	})
}

func TestAnAgentIsLostOnlyAfterAFullWindowAndAConfirmation(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := l.join("a1", 1)
	live := liveness{window: 15 * time.Second}
	at := func(d time.Duration) time.Time { return l.now.Add(d * time.Second) }
	check := func(what string, now, confirmed time.Time, want bool) {
		t.Helper()
		if got := live.silent(m, now, confirmed); got != want {
			t.Errorf("%s: silent is %t", what, got)
		}
	}
	check("registered 15 s ago", at(15), at(15), false)
	check("found silent, not confirmed", at(16), at(15), false)
	check("still not confirmed", at(17), at(15), false)
	check("confirmed after it was found silent", at(17), at(16), true)
	live.restart(at(17))
	check("after a stall", at(32), at(32), false)
	check("a window after the stall", at(33), at(33), true)
	l.fleet.beat(m.key, nil, at(33))
	check("heard again", at(48), at(48), false)
	l.agent("a1", agent.Left{})
	check("it left", at(100), at(100), false)
}
