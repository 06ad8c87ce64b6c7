package workers

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
)

func TestWhyATaskStandsWhereItStands(t *testing.T) {
	t.Parallel()
	gpu := task.Spec{Queue: "builds", Capabilities: []string{"gpu", "linux"}}
	fill := func(l *ledger, agentID string, n int) {
		for i := range n {
			l.hold(fmt.Sprintf("%s-%d", agentID, i), task.Spec{}, agentID)
		}
	}
	tests := []struct {
		name    string
		given   func(l *ledger)
		summary string
		details []string
	}{
		{"nobody", func(*ledger) {}, "no agent is connected", nil},
		{"all gone", func(l *ledger) { l.join("a1", 1); l.agent("a1", agent.Left{}) }, "no agent is connected", nil},
		{"other queue", func(l *ledger) {
			l.agent("a1", agent.Registered{Spec: agent.Spec{Name: "a1", Capacity: 1, Queues: []string{"tests"}}})
		}, "no agent serves queue builds (1 agent is connected)", nil},
		{"a capability", func(l *ledger) {
			l.join("a1", 1, "linux")
			l.join("a2", 1)
		}, "no agent has capability gpu (2 agents are connected)", nil},
		{"the combination", func(l *ledger) {
			l.join("a1", 1, "linux")
			l.join("a2", 1, "gpu")
		}, "no agent has all of the capabilities gpu, linux (2 agents are connected)", nil},
		{"draining", func(l *ledger) {
			for _, id := range []string{"a1", "a2"} {
				l.join(id, 1, "linux", "gpu")
				l.agent(id, agent.Draining{})
			}
		}, "2 agents match, both draining", nil},
		{"silent, resting and draining", func(l *ledger) {
			for i, a := range []aside{asideSilent, asideResting, notAside} {
				id := fmt.Sprintf("a%d", i)
				l.join(id, 1, "linux", "gpu")
				l.fleet.setAside(l.member(id), a)
			}
			l.agent("a2", agent.Draining{})
		}, "1 agent matches, it is draining", []string{"1 agent matches but is silent", "1 agent matches but is resting after work handed back"}},
		{"only silent ones", func(l *ledger) {
			l.join("a1", 1, "linux", "gpu")
			l.fleet.setAside(l.member("a1"), asideSilent)
		}, "1 agent matches, it is silent", nil},
		{"handed back twice", func(l *ledger) {
			l.join("a1", 1)
			for i := range 2 {
				l.task("it", task.Assigned{Attempt: i + 1, Agent: "a1"})
				l.task("it", task.AssignmentReturned{Attempt: i + 1, Agent: "a1", Reason: "no room"})
			}
		}, "waits until 12:00:01 UTC after agents handed it back 2 times in a row: no room", nil},
		{"full", func(l *ledger) {
			for _, id := range []string{"a1", "a2", "a3"} {
				l.join(id, 10, "linux", "gpu")
				fill(l, id, 10)
			}
			l.join("a4", 10, "linux", "gpu")
			l.agent("a4", agent.Draining{})
		}, "3 agents match, all full (30 of 30 slots)", []string{"1 agent matches but is draining"}},
		{"others ahead", func(l *ledger) {
			l.join("a1", 1, "linux", "gpu")
			fill(l, "a1", 1)
			l.submit("high", task.Spec{Priority: 5})
			l.submit("same", gpu)
			l.join("elsewhere", 1, "mac")
			l.submit("other", task.Spec{Priority: 9, Capabilities: []string{"mac"}})
		}, "1 agent matches, it is full (1 of 1 slots)", []string{"1 task of higher priority or age is ahead"}},
		{"free", func(l *ledger) { l.join("a1", 2, "linux", "gpu") }, "1 agent matches, 2 of 2 slots are free", nil},
		{"on its way", func(l *ledger) { l.join("a1", 2, "linux", "gpu"); l.round(1) }, "is being assigned now", nil},
		{"assigned", func(l *ledger) {
			l.join("a1", 1)
			l.task("it", task.Assigned{Attempt: 1, Agent: "a1"})
			l.now = l.now.Add(3 * time.Second)
		}, "assigned to agent a1 3 s ago, not begun", nil},
		{"running", func(l *ledger) {
			l.join("a1", 1)
			l.task("it", task.Assigned{Attempt: 1, Agent: "a1"})
			l.task("it", task.Started{Attempt: 1, Agent: "a1"})
			l.now = l.now.Add(130 * time.Second)
		}, "running on agent a1, attempt 1, last sign of life 2m10s ago", nil},
		{"retry", func(l *ledger) {
			l.task("it", task.Assigned{Attempt: 1, Agent: "a1"})
			l.task("it", task.AttemptFailed{Attempt: 1, Outcome: task.OutcomeRetry, Error: "disk full", RetryAt: l.now.Add(5 * time.Second)})
		}, "waits until 12:00:05 UTC after attempt 1 failed: disk full", nil},
		{
			"unknown event", func(l *ledger) { l.record("task", "it", "task.suspended", 9, nil) },
			"the task has an event that this binary does not know, so this node does not act on it",
			[]string{"task it at 2: decode task.suspended: unknown event type"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			l.submit("it", gpu)
			tt.given(l)
			c := New(Config{})
			c.fleet, c.caughtUp, c.lease.node = l.fleet, true, "n1"
			got := c.explain(l.work("it"), l.now)
			want := Why{Status: l.work("it").state().Status, Summary: tt.summary, Details: tt.details}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhyALaterTaskWaits(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.submit("it", task.Spec{NotBefore: l.now.Add(48 * time.Hour)})
	c := New(Config{})
	c.fleet = l.fleet
	want := Why{
		Status: task.StatusWaiting, Summary: "waits until 2026-11-25 12:00:00 UTC",
		Details: []string{"no node coordinates at the moment", "this node is still reading the log"},
	}
	if d := cmp.Diff(want, c.explain(l.work("it"), l.now)); d != "" {
		t.Error(d)
	}
}
