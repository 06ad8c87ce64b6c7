package workers

import (
	"fmt"
	"testing"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
)

func TestAgentsThatAreGoneAreAwayUntilTheyComeBack(t *testing.T) {
	t.Parallel()
	for _, gone := range []agent.Event{agent.Lost{}, agent.Left{}, agent.Slept{}} {
		l := newLedger(t)
		m := l.join("a1", 2, "gpu")
		l.hold("t1", task.Spec{}, "a1")
		l.agent("a1", gone)
		if l.fleet.agents[m.key] != m || len(l.fleet.away) != 0 {
			t.Fatalf("%T: it is away though it holds a task", gone)
		}
		l.task("t1", task.LeaseExpired{Attempt: 1, Agent: "a1", Outcome: task.OutcomeRetry, RetryAt: l.now})
		if l.fleet.away[m.key] != m || len(l.fleet.agents) != 0 || m.held != nil {
			t.Fatalf("%T: it is not away", gone)
		}
		if got, over := l.fleet.beat(m.key, []Held{{"t1", 1}}, l.now); got != m || len(over) != 1 {
			t.Errorf("%T: its heartbeat was not heard: %v, %v", gone, got, over)
		}
		l.agent("a1", agent.Draining{}) // changes nothing about it
		if len(l.fleet.agents) != 0 {
			t.Errorf("%T: it came back by draining", gone)
		}
		l.agent("a1", agent.Resumed{})
		l.submit("t2", task.Spec{Capabilities: []string{"gpu"}})
		if _, asleep := gone.(agent.Slept); asleep {
			l.agent("a1", agent.Woken{})
		} else {
			l.agent("a1", agent.Returned{})
		}
		if l.fleet.agents[m.key] != m || len(l.fleet.away) != 0 {
			t.Fatalf("%T: it did not come back", gone)
		}
		if pairs := l.round(5); len(pairs) != 2 || pairs[0].member != m || pairs[1].member != m {
			t.Errorf("%T: it was given %d tasks", gone, len(pairs))
		}
	}
}

// TestAnAssignmentToAnAgentThatIsAway is one that was on its way when the agent
// went.
func TestAnAssignmentToAnAgentThatIsAway(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	m := l.join("a1", 1)
	l.submit("t1", task.Spec{})
	p := l.round(1)[0]
	l.agent("a1", agent.Left{})
	if len(l.fleet.away) != 0 {
		t.Fatal("it is away though a task is on its way to it")
	}
	l.confirm(p)
	if e, _ := l.fleet.review(p.work, l.now); e != takeBack || l.fleet.agents[m.key] != m {
		t.Errorf("%s is due", e)
	}
	l.task("t1", task.AssignmentReturned{Attempt: 1, Agent: "a1"})
	if len(l.fleet.away) != 1 {
		t.Error("it is not away")
	}
	l.task("t1", task.Assigned{Attempt: 2, Agent: "a1"}) // by a leader that was behind
	if e, _ := l.fleet.review(p.work, l.now); e != takeBack || l.fleet.agents[m.key] != m {
		t.Errorf("%s is due", e)
	}
}

func TestOnlyAgentsThatArePresentAreLookedAt(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for i := range 100 {
		id := fmt.Sprintf("a%d", i)
		l.agent(id, agent.Registered{Spec: agent.Spec{Name: id, Capacity: 1, Version: "1", Labels: map[string]string{"k": "v"}}})
		if i > 0 {
			l.agent(id, agent.Left{})
		}
	}
	l.fleet.attend(l.now, l.now, 0)
	if len(l.fleet.agents) != 1 || l.fleet.present != 1 || len(l.fleet.away) != 99 {
		t.Errorf("%d are looked at, %d present, %d away", len(l.fleet.agents), l.fleet.present, len(l.fleet.away))
	}
	if s := l.member("a1").loaded.State.Spec; s.Labels != nil || s.Version != "" {
		t.Errorf("kept though nothing is decided by it: %+v", s)
	}
}
