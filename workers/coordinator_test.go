package workers_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/workers"
)

func TestATaskReachesAnAgentAndEnds(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newMesh(t).start("n1")
	id := n.submit(task.Spec{Capabilities: []string{"gpu"}, Input: inline("small")})
	n.awaitLeader()
	n.await("the reason", func() bool {
		why, err := n.coord.Why(ctx, tenant, id)
		return err == nil && why.Summary == "no agent is connected"
	})
	a1 := n.join("a1", 2, "gpu")
	n.beat([]*node{n}, a1, nothingHeld)
	got := n.awaitAssignment(a1, id, 1)
	if string(got.Spec.Input.Inline) != `"small"` || got.Term == 0 || got.SubmittedAt.IsZero() {
		t.Errorf("assignment: %+v", got)
	}
	open, err := n.coord.Open(ctx, tenant, a1)
	must(t, err)
	if len(open) != 1 || cmp.Diff(*got, open[0]) != "" {
		t.Errorf("open: %+v", open)
	}
	_, err = n.cmds.CompleteTask(ctx, admin(), commands.Meta{}, ref(a1, got), commands.Completion{})
	must(t, err)
	n.await("the end", func() bool {
		why, err := n.coord.Why(ctx, tenant, id)
		return err == nil && why.Status == task.StatusCompleted && why.Summary == "the task is completed"
	})
	n.await("health to tell", func() bool {
		h := n.coord.Health()
		return h.CaughtUp && h.Leader && h.LeaderNode == "n1" && h.Assigned == 1 && h.Hints == 1 && h.Tasks == 0 && h.Agents == 1
	})
	if _, err := n.coord.Why(ctx, tenant, "nope"); domain.KindOf(err) != domain.NotFound {
		t.Errorf("why of nothing: %v", err)
	}
	if _, err := n.coord.Open(ctx, tenant, "nope"); domain.KindOf(err) != domain.NotFound {
		t.Errorf("open of nobody: %v", err)
	}
}

func TestALargeInputComesFromTheLog(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	n.beat([]*node{n}, a1, nothingHeld)
	input := inline(strings.Repeat("x", 20_000))
	id := n.submit(task.Spec{Input: input})
	got := n.awaitAssignment(a1, id, 1)
	open, err := n.coord.Open(context.Background(), tenant, a1)
	must(t, err)
	if string(got.Spec.Input.Inline) != string(input.Inline) || len(open) != 1 || string(open[0].Spec.Input.Inline) != string(input.Inline) {
		t.Error("the input did not come whole")
	}
}

func TestALostAgentsWorkGoesElsewhere(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	alive := n.beat([]*node{n}, a1, nothingHeld)
	id := n.submit(task.Spec{Retry: task.Retry{MaxAttempts: 3, Backoff: 1}})
	n.awaitAssignment(a1, id, 1)
	a2 := n.join("a2", 1)
	n.beat([]*node{n}, a2, nothingHeld)
	alive()
	n.awaitAssignment(a2, id, 2)
	if got := n.awaitRevocation(a1, id, 1); got.Reason != "agent lost" {
		t.Errorf("revoked because: %s", got.Reason)
	}
	if got := n.types("agent", a1); !slices.Contains(got, "agent.lost") {
		t.Errorf("events of the agent: %v", got)
	}
	n.beat([]*node{n}, a1, func() []workers.Held { return []workers.Held{{Task: id, Attempt: 1}} })
	n.await("the agent to return", func() bool { return slices.Contains(n.types("agent", a1), "agent.returned") })
	n.await("the late attempt to be counted", func() bool { return n.coord.Health().Late > 0 })
	if got := n.state(id); got.Attempt != 2 || got.Agent != a2 {
		t.Errorf("task: %+v", got)
	}
}

func TestAnAgentThatLeavesHandsItsWorkOn(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	n.beat([]*node{n}, a1, nothingHeld)
	id := n.submit(task.Spec{Retry: task.Retry{MaxAttempts: 3, Backoff: 1}})
	n.awaitAssignment(a1, id, 1)
	a2 := n.join("a2", 1)
	n.beat([]*node{n}, a2, nothingHeld)
	_, err := n.cmds.LeaveAgent(context.Background(), admin(), commands.Meta{}, a1)
	must(t, err)
	n.awaitAssignment(a2, id, 2)
	if got := n.awaitRevocation(a1, id, 1); got.Reason != "agent left" {
		t.Errorf("revoked because: %s", got.Reason)
	}
	if got := n.state(id); got.Failures != 0 {
		t.Errorf("leaving in order cost %d attempts", got.Failures)
	}
}

func TestCancelStopsTheAttempt(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	n.beat([]*node{n}, a1, nothingHeld)
	id := n.submit(task.Spec{})
	n.awaitAssignment(a1, id, 1)
	_, err := n.cmds.CancelTask(context.Background(), admin(), commands.Meta{}, id, "no longer needed")
	must(t, err)
	if got := n.awaitRevocation(a1, id, 1); got.Reason != "cancelled: no longer needed" {
		t.Errorf("revoked because: %s", got.Reason)
	}
	next := n.submit(task.Spec{})
	n.awaitAssignment(a1, next, 1)
}

func TestARetryWaitsForItsTime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	n.beat([]*node{n}, a1, nothingHeld)
	id := n.submit(task.Spec{Retry: task.Retry{MaxAttempts: 2, Backoff: 700}})
	first := n.awaitAssignment(a1, id, 1)
	_, err := n.cmds.FailTask(ctx, admin(), commands.Meta{}, ref(a1, first), task.Failure{Message: "disk full"})
	must(t, err)
	n.await("the reason", func() bool {
		why, err := n.coord.Why(ctx, tenant, id)
		return err == nil && strings.Contains(why.Summary, "after attempt 1 failed: disk full")
	})
	second := n.awaitAssignment(a1, id, 2)
	rs := n.history("task", id)
	failed, again := rs[len(rs)-2], rs[len(rs)-1]
	if got := again.Time.Sub(failed.Time); got < 500*time.Millisecond {
		t.Errorf("tried again after %s", got)
	}
	_, err = n.cmds.FailTask(ctx, admin(), commands.Meta{}, ref(a1, second), task.Failure{Message: "disk full"})
	must(t, err)
	n.awaitStatus(id, task.StatusDeadLettered)
	_, err = n.cmds.RequeueTask(ctx, admin(), commands.Meta{}, id, "disk replaced", time.Time{})
	must(t, err)
	n.awaitAssignment(a1, id, 3)
}

func TestTheDeadlineEndsATaskInEveryStatus(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	n.beat([]*node{n}, a1, nothingHeld)
	deadline := time.Now().Add(time.Second)
	held := n.submit(task.Spec{Deadline: deadline})
	n.awaitAssignment(a1, held, 1)
	waiting := n.submit(task.Spec{Deadline: deadline})
	later := n.submit(task.Spec{Deadline: deadline, NotBefore: deadline.Add(-time.Millisecond)})
	for _, id := range []string{held, waiting, later} {
		n.awaitStatus(id, task.StatusFailed)
	}
	if got := n.awaitRevocation(a1, held, 1); got.Reason != "deadline exceeded" {
		t.Errorf("revoked because: %s", got.Reason)
	}
}

func TestASilentAttemptExpiresAndANamedOneDoesNot(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 2)
	named := n.submit(task.Spec{Lease: 1_000})
	n.beat([]*node{n}, a1, func() []workers.Held { return []workers.Held{{Task: named, Attempt: 1}} })
	n.awaitAssignment(a1, named, 1)
	silent := n.submit(task.Spec{Lease: 1_000, Retry: task.Retry{MaxAttempts: 1}})
	n.awaitAssignment(a1, silent, 1)
	n.awaitStatus(silent, task.StatusDeadLettered)
	if got := n.awaitRevocation(a1, silent, 1); got.Reason != "no sign of life for 1s" {
		t.Errorf("revoked because: %s", got.Reason)
	}
	if got := n.state(named); got.Attempt != 1 || got.Status != task.StatusAssigned {
		t.Errorf("the named attempt: %+v", got)
	}
}

func TestAnAssignmentIsToldAgainUntilItIsNamed(t *testing.T) {
	t.Parallel()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 1)
	quiet := n.beat([]*node{n}, a1, nothingHeld)
	id := n.submit(task.Spec{})
	n.await("the second hint", func() bool {
		return len(n.told(a1, func(m workers.Message) bool { return m.Assign != nil && m.Assign.Task == id })) > 1
	})
	quiet()
	n.coord.Heartbeat(tenant, a1, []workers.Held{{Task: id, Attempt: 1}})
	n.await("the attempt to be named", func() bool {
		why, err := n.coord.Why(context.Background(), tenant, id)
		return err == nil && strings.Contains(why.Summary, "attempt 1, last sign of life")
	})
}

func TestADrainingAgentGetsNoNewWork(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 2)
	n.beat([]*node{n}, a1, nothingHeld)
	n.awaitAssignment(a1, n.submit(task.Spec{}), 1)
	_, err := n.cmds.DrainAgent(ctx, admin(), commands.Meta{}, a1, "maintenance")
	must(t, err)
	id := n.submit(task.Spec{})
	n.await("the reason", func() bool {
		why, err := n.coord.Why(ctx, tenant, id)
		return err == nil && why.Summary == "1 agent matches, it is draining"
	})
	_, err = n.cmds.ResumeAgent(ctx, admin(), commands.Meta{}, a1)
	must(t, err)
	n.awaitAssignment(a1, id, 1)
}

func TestWorkHandedBackGoesElsewhereAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newMesh(t).start("n1")
	a1 := n.join("a1", 10)
	n.beat([]*node{n}, a1, nothingHeld)
	id := n.submit(task.Spec{})
	first := n.awaitAssignment(a1, id, 1)
	a2 := n.join("a2", 10)
	n.beat([]*node{n}, a2, nothingHeld)
	busy := n.submit(task.Spec{}) // so that a1 is the least loaded once it has handed back
	n.awaitAssignment(a2, busy, 1)
	_, err := n.cmds.ReturnTask(ctx, admin(), commands.Meta{}, ref(a1, first), "no room")
	must(t, err)
	second := n.awaitAssignment(a2, id, 2)
	_, err = n.cmds.ReturnTask(ctx, admin(), commands.Meta{}, ref(a2, second), "no room either")
	must(t, err)
	n.await("the reason", func() bool {
		why, err := n.coord.Why(ctx, tenant, id)
		return err == nil && strings.HasSuffix(why.Summary, "after agents handed it back 2 times in a row: no room either")
	})
	rs := n.history("task", id)
	n.await("the third attempt", func() bool { return n.state(id).Attempt == 3 })
	all := n.history("task", id)
	if got := all[len(rs)].Time.Sub(rs[len(rs)-1].Time); got < 900*time.Millisecond || n.state(id).Failures != 0 {
		t.Errorf("assigned again after %s: %+v", got, n.state(id))
	}
}
