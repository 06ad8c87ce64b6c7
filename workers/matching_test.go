package workers

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
)

// mayTake is the rule of who may be given what, written down once more and
// without any index.
func mayTake(m *member, w *work) bool {
	a, s := m.loaded.State, w.state().Spec
	if a.Status != agent.StatusActive || m.tenant != w.tenant || m.aside != notAside {
		return false
	}
	serves := len(a.Spec.Queues) == 0
	for _, q := range a.Spec.Queues {
		serves = serves || q == s.Queue
	}
	for _, need := range s.Capabilities {
		found := false
		for _, has := range a.Spec.Capabilities {
			found = found || has == need
		}
		serves = serves && found
	}
	return serves
}

// best finds the pair that must come next by looking at everything.
func (l *ledger) best(waiting map[*work]bool, used map[*member]int) (*work, *member) {
	var w *work
	for candidate := range waiting {
		if (w == nil || before(candidate, w)) && l.leastLoaded(candidate, used) != nil {
			w = candidate
		}
	}
	if w == nil {
		return nil, nil
	}
	return w, l.leastLoaded(w, used)
}

func (l *ledger) leastLoaded(w *work, used map[*member]int) *member {
	var best *member
	share := func(m *member) float64 { return float64(used[m]) / float64(m.loaded.State.Spec.Capacity) }
	for _, m := range l.fleet.agents {
		if mayTake(m, w) && used[m] < m.loaded.State.Spec.Capacity && (best == nil || share(m) < share(best)) {
			best = m
		}
	}
	return best
}

// snapshot derives who waits and who is busy from the tasks alone.
func (l *ledger) snapshot() (map[*work]bool, map[*member]int) {
	waiting, used := map[*work]bool{}, map[*member]int{}
	for _, w := range l.fleet.works {
		switch {
		case w.state().Status.Held():
			used[l.member(w.state().Agent)]++
		case w.flight != nil && w.flight.agent != nil:
			used[w.flight.agent]++
		case w.flight == nil && !l.now.Before(w.state().NotBefore) && !l.now.Before(w.restUntil):
			waiting[w] = true
		}
	}
	return waiting, used
}

// checkRound runs a round and compares every step with the best pair found by
// looking at everything.
func (l *ledger) checkRound(t *rapid.T, limit int) []pair {
	waiting, used := l.snapshot()
	if l.fleet.match.waiting != len(waiting) {
		t.Fatalf("%d tasks counted as waiting, %d wait", l.fleet.match.waiting, len(waiting))
	}
	pairs := l.round(limit)
	for i, p := range pairs {
		w, m := l.best(waiting, used)
		if w != p.work {
			t.Fatalf("pair %d is task %s, want %v", i, p.work.id, w)
		}
		if used[m]*p.member.loaded.State.Spec.Capacity != used[p.member]*m.loaded.State.Spec.Capacity || !mayTake(p.member, w) {
			t.Fatalf("task %s went to %s (%d in use), want one like %s (%d in use)", w.id, p.member.id, used[p.member], m.id, used[m])
		}
		if used[p.member]++; used[p.member] > p.member.loaded.State.Spec.Capacity {
			t.Fatalf("agent %s has %d tasks", p.member.id, used[p.member])
		}
		delete(waiting, w)
	}
	if w, m := l.best(waiting, used); len(pairs) < limit && w != nil {
		t.Fatalf("task %s waits though %s is free", w.id, m.id)
	}
	for m, n := range used {
		if m.used() != n {
			t.Fatalf("agent %s is counted with %d tasks, has %d", m.id, m.used(), n)
		}
	}
	return pairs
}

func TestMatchingFollowsTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := newLedger(t)
		m := mill{ledger: l, t: rt}
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			m.step()
		}
		m.match(1_000)
	})
}

// mill makes random histories.
type mill struct {
	*ledger
	t        *rapid.T
	tasks    int
	agents   int
	inFlight []pair
}

func (m *mill) step() {
	switch rapid.IntRange(0, 9).Draw(m.t, "step") {
	case 0:
		m.register()
	case 1, 2, 3:
		m.tasks++
		m.submit(fmt.Sprintf("t%d", m.tasks), task.Spec{
			Queue: m.oneOf("queue", "q1", "q2"), Capabilities: m.some("need", "a", "b"),
			Priority: rapid.IntRange(0, 2).Draw(m.t, "priority"),
		})
	case 4, 5:
		m.match(rapid.IntRange(1, 5).Draw(m.t, "limit"))
	case 6:
		m.land()
	case 7:
		m.changeAgent()
	default:
		m.changeTask()
	}
}

func (m *mill) register() {
	m.agents++
	spec := agent.Spec{
		Name: fmt.Sprintf("a%d", m.agents), Capacity: rapid.IntRange(1, 4).Draw(m.t, "capacity"),
		Capabilities: m.some("has", "a", "b", "c"), Queues: m.some("serves", "q1", "q2"),
	}
	m.agent(spec.Name, agent.Registered{Spec: spec})
}

func (m *mill) match(limit int) {
	m.after(time.Duration(rapid.IntRange(0, 1500).Draw(m.t, "ms")) * ms) // some rests end
	m.fleet.attend(m.now, m.now, time.Hour)
	m.inFlight = append(m.inFlight, m.checkRound(m.t, limit)...)
}

// land has the log show an assignment, or refuse it.
func (m *mill) land() {
	if len(m.inFlight) == 0 {
		return
	}
	p := m.inFlight[0]
	m.inFlight = m.inFlight[1:]
	if p.work.flight == nil {
		return // the task was cancelled meanwhile
	}
	if rapid.Bool().Draw(m.t, "stored") {
		m.confirm(p)
		return
	}
	m.fleet.land(p.work)
	m.fleet.review(p.work, m.now)
}

func (m *mill) changeAgent() {
	if m.agents == 0 {
		return
	}
	id := fmt.Sprintf("a%d", rapid.IntRange(1, m.agents).Draw(m.t, "agent"))
	m.agent(id, rapid.SampledFrom([]agent.Event{agent.Draining{}, agent.Resumed{}, agent.Lost{}, agent.Returned{}, agent.Left{}}).Draw(m.t, "event"))
}

func (m *mill) changeTask() {
	if m.tasks == 0 {
		return
	}
	w := m.work(fmt.Sprintf("t%d", rapid.IntRange(1, m.tasks).Draw(m.t, "task")))
	if w == nil {
		return
	}
	st := w.state()
	if !st.Status.Held() {
		if rapid.Bool().Draw(m.t, "cancel") {
			m.task(w.id, task.Cancelled{})
		}
		return
	}
	m.task(w.id, rapid.SampledFrom([]task.Event{
		task.Started{Attempt: st.Attempt, Agent: st.Agent},
		task.Completed{Attempt: st.Attempt, Agent: st.Agent},
		task.AttemptFailed{Attempt: st.Attempt, Agent: st.Agent, Outcome: task.OutcomeRetry, RetryAt: m.now},
		task.LeaseExpired{Attempt: st.Attempt, Agent: st.Agent, Outcome: task.OutcomeDeadLetter},
		task.AssignmentReturned{Attempt: st.Attempt, Agent: st.Agent},
	}).Draw(m.t, "event"))
}

func (m *mill) oneOf(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(m.t, label)
}

func (m *mill) some(label string, of ...string) []string {
	var in []string
	for _, s := range of {
		if rapid.Bool().Draw(m.t, label+" "+s) {
			in = append(in, s)
		}
	}
	return in
}

func TestIdleAgentsTakeTurns(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for _, id := range []string{"a1", "a2", "a3"} {
		l.join(id, 2)
	}
	var got []string
	for i := range 6 {
		id := fmt.Sprintf("t%d", i)
		l.submit(id, task.Spec{})
		p := l.round(1)[0]
		l.confirm(p)
		got = append(got, p.member.id)
		l.task(id, task.Completed{Attempt: 1, Agent: p.member.id})
	}
	if fmt.Sprint(got) != "[a1 a2 a3 a1 a2 a3]" {
		t.Errorf("tasks went to %v", got)
	}
}

func TestForgottenClassesAndPoolsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.join("a1", 1, "gpu")
	for i := range 100 {
		id := fmt.Sprintf("t%d", i)
		l.submit(id, task.Spec{Capabilities: []string{fmt.Sprintf("c%d", i), "gpu"}})
		l.task(id, task.Cancelled{})
	}
	l.agent("a1", agent.Left{})
	if x := l.fleet.match; len(x.classes)+len(x.pools)+len(x.lanes)+x.turns.len()+x.waiting+len(l.fleet.works)+l.fleet.timers.len() != 0 {
		t.Errorf("left behind: %d classes, %d pools, %d lanes, %d ready, %d waiting, %d tasks, %d timers",
			len(x.classes), len(x.pools), len(x.lanes), x.turns.len(), x.waiting, len(l.fleet.works), l.fleet.timers.len())
	}
}

// BenchmarkBurnDown matches 100,000 waiting tasks of 20 classes with 1,000
// slots of 100 agents, every task ending as soon as it has been assigned.
func BenchmarkBurnDown(b *testing.B) { burnDown(b, 100, 10, 100_000) }

// BenchmarkBurnDownLargeFleet does the same with 10,000 agents.
func BenchmarkBurnDownLargeFleet(b *testing.B) { burnDown(b, 10_000, 1, 100_000) }

func burnDown(b *testing.B, agents, capacity, tasks int) {
	for b.Loop() {
		b.StopTimer()
		l := newLedger(b)
		for i := range agents {
			l.join(fmt.Sprintf("a%d", i), capacity, fmt.Sprintf("c%d", i%10), "all")
		}
		for i := range tasks {
			need := []string{"all"}
			if i%2 == 0 {
				need = append(need, fmt.Sprintf("c%d", i%10))
			}
			l.submit(fmt.Sprintf("t%d", i), task.Spec{Capabilities: need, Priority: i % 3})
		}
		b.StartTimer()
		done := 0
		for done < tasks {
			pairs := l.fleet.match.round(maxInFlight)
			for _, p := range pairs {
				p.member.reserved--
				l.fleet.match.loadChanged(p.member)
			}
			done += len(pairs)
		}
	}
	b.ReportMetric(float64(tasks)*float64(b.N)/b.Elapsed().Seconds(), "assignments/s")
}

// BenchmarkFold folds the three events of each of 100,000 tasks.
func BenchmarkFold(b *testing.B) {
	l := newLedger(b)
	l.join("a1", 1_000)
	for i := range 100_000 {
		id := fmt.Sprintf("t%d", i)
		l.submit(id, task.Spec{})
		l.task(id, task.Assigned{Attempt: 1, Agent: "a1"})
		l.task(id, task.Completed{Attempt: 1, Agent: "a1"})
	}
	for b.Loop() {
		f := newFleet()
		for _, r := range l.log {
			if n := f.fold(r, l.now); n.changed != nil {
				f.review(n.changed, l.now)
			}
		}
	}
	b.ReportMetric(float64(len(l.log))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
