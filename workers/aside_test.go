package workers

import (
	"fmt"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
)

// assignNext moves the clock on and assigns what can be; it returns who got what.
func (l *ledger) assignNext(d time.Duration) map[string]string {
	l.after(d)
	l.fleet.attend(l.now, l.now, time.Hour)
	got := map[string]string{}
	for _, p := range l.round(100) {
		l.confirm(p)
		got[p.work.id] = p.member.id
	}
	return got
}

// handBack has the task's agent hand it back.
func (l *ledger) handBack(id string) {
	st := l.work(id).state()
	l.task(id, task.AssignmentReturned{Attempt: st.Attempt, Agent: st.Agent, Reason: "cannot"})
}

func TestHandingBackForEverIsBounded(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.join("a1", 5)
	l.submit("t1", task.Spec{})
	times := 0
	for range 600 { // ten minutes
		if l.assignNext(time.Second)["t1"] != "" {
			times++
			l.handBack("t1")
		}
	}
	if times < 10 || times > 20 {
		t.Errorf("assigned %d times in ten minutes", times)
	}
	if got := l.work("t1").state(); got.Failures != 0 {
		t.Errorf("it cost %d attempts", got.Failures)
	}
}

func TestAnAgentThatHandsBackDoesNotDrawWork(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.join("bad", 100)
	l.join("good", 1_000)
	for i := range 20 { // the bad one is always the least loaded
		l.hold(fmt.Sprintf("busy%d", i), task.Spec{}, "good")
	}
	taken, back := map[string]int{}, 0
	for i := range 100 {
		l.submit(fmt.Sprintf("t%d", i), task.Spec{})
		for id, who := range l.assignNext(100 * ms) {
			taken[who]++
			if who == "bad" {
				l.handBack(id)
				back++
			}
		}
	}
	if back > 5 || taken["good"] != 100 {
		t.Errorf("%d handed back in ten seconds; taken: %v", back, taken)
	}
}

func TestATaskThatIsHandedBackCostsItsAgentLittle(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := l.join("a1", 5)
	l.submit("bad", task.Spec{})
	rested := 0
	for i := range 300 { // five minutes
		id := fmt.Sprintf("t%d", i)
		l.submit(id, task.Spec{})
		got := l.assignNext(time.Second)
		for done := range got {
			if done != "bad" {
				l.task(done, task.Completed{Attempt: 1, Agent: "a1"})
			}
		}
		if got["bad"] != "" {
			l.handBack("bad")
		}
		if m.aside == asideResting {
			rested++
		}
	}
	if rested < 5 || rested > 15 {
		t.Errorf("the agent rested %d of 300 seconds", rested)
	}
	if n := len(l.fleet.works); n > 2 {
		t.Errorf("%d tasks are left", n)
	}
}

func TestWhatEndsARest(t *testing.T) {
	t.Parallel()
	begin := func() (*ledger, *member) {
		l := newLedger(t)
		m := l.join("a1", 2)
		l.submit("t1", task.Spec{})
		l.submit("t2", task.Spec{})
		l.assignNext(0)
		l.handBack("t1")
		l.handBack("t2") // part of the same refusal
		if m.pool != nil || m.returns != 1 {
			t.Fatalf("after two at once: %d returns, may be given work: %t", m.returns, m.pool != nil)
		}
		return l, m
	}
	t.Run("its time", func(t *testing.T) {
		t.Parallel()
		l, _ := begin()
		if got := l.assignNext(999 * ms); len(got) != 0 {
			t.Errorf("too early: %v", got)
		}
		if got := l.assignNext(ms); len(got) != 2 {
			t.Errorf("after a second: %v", got)
		}
	})
	t.Run("the agent comes back", func(t *testing.T) {
		t.Parallel()
		l, m := begin()
		l.agent("a1", agent.Left{})
		l.agent("a1", agent.Returned{})
		if got := l.assignNext(0); len(got) != 2 || m.returns != 0 {
			t.Errorf("%v", got)
		}
	})
	t.Run("the log is read again later", func(t *testing.T) {
		t.Parallel()
		l, _ := begin()
		again := newFleet()
		for _, r := range l.log {
			if n := again.fold(r, l.now.Add(time.Minute)); n.changed != nil {
				again.review(n.changed, l.now.Add(time.Minute))
			}
		}
		if m := again.member(key{tenant, "a1"}); m.pool == nil || m.returns != 1 || again.match.waiting != 2 {
			t.Errorf("%d returns, may be given work: %t", m.returns, m.pool != nil)
		}
	})
}

func TestTakingWorkFromAnAgentDoesNotSetItAside(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := l.join("a1", 1)
	w := l.hold("t1", task.Spec{}, "a1")
	r := l.log[len(l.log)-1]
	r.Type, r.Actor = task.AssignmentReturned{}.Type(), commands.SystemActor
	l.fleet.handedBack(w, m, r, l.now)
	if m.returns+w.returns != 0 || m.pool == nil {
		t.Error("it rests")
	}
}

func TestASilentAgentIsGivenNothing(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := l.join("a1", 1)
	l.submit("t1", task.Spec{Lease: 1_000})
	c := New(Config{})
	c.fleet, c.lastTick = l.fleet, l.now
	start := l.now
	check := func(at time.Duration, want bool) {
		t.Helper()
		c.tick(start.Add(at))
		if got := m.pool != nil; got != want {
			t.Errorf("after %s: may be given work: %t", at, got)
		}
	}
	check(5*time.Second, true)
	check(10*time.Second, true)
	check(10*time.Second+1, false)
	if pairs := l.round(1); len(pairs) != 0 {
		t.Fatal("it was given work")
	}
	l.join("a2", 1)
	if pairs := l.round(1); len(pairs) != 1 || pairs[0].member.id != "a2" {
		t.Errorf("another one was not given it: %v", pairs)
	}
	c.Heartbeat(tenant, "a1", nil)
	check(11*time.Second, true)
	check(16*time.Second, true)
	c.forgive(start.Add(21 * time.Second)) // this node may not have heard it
	check(21*time.Second+1, true)
}
