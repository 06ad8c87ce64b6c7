package workers_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers"
)

const failover = 5 * time.Second

func TestAnotherNodeTakesOverWhenTheLeaderIsCutOff(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	n1 := m.start("n1")
	n1.awaitLeader()
	n2 := m.start("n2")
	a1 := n1.join("a1", 10)
	m.beat([]*node{n1, n2}, a1, nothingHeld)
	first := m.awaitAssignment(a1, n1.submit(task.Spec{}), 1)
	m.await("n2 to know who leads", func() bool { return n2.coord.Health().LeaderNode == "n1" })
	cut := time.Now()
	n1.nc.Close()
	n2.awaitLeader()
	if took := time.Since(cut); took > failover {
		t.Errorf("took over after %s", took)
	}
	if n1.coord.Health().Leader {
		t.Error("both lead")
	}
	second := m.awaitAssignment(a1, n2.submit(task.Spec{}), 1)
	if second.Term <= first.Term {
		t.Errorf("term %d after %d", second.Term, first.Term)
	}
	m.await("the open assignment to be told again", func() bool {
		return len(m.told(a1, func(msg workers.Message) bool {
			return msg.Assign != nil && msg.Assign.Task == first.Task && msg.Assign.Term == second.Term
		})) > 0
	})
	if got := n2.state(first.Task); got.Attempt != 1 || got.Status != task.StatusAssigned {
		t.Errorf("the take-over cost an attempt: %+v", got)
	}
}

func TestALeaderThatStopsHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	n1 := m.start("n1")
	n1.awaitLeader()
	n2 := m.start("n2")
	m.await("n2 to know who leads", func() bool { return n2.coord.Health().LeaderNode == "n1" })
	n1.stop()
	stopped := time.Now()
	n2.awaitLeader()
	if took := time.Since(stopped); took > 2*time.Second {
		t.Errorf("took over after %s", took)
	}
	if _, err := n1.coord.Why(context.Background(), tenant, "any"); err == nil {
		t.Error("a stopped coordinator answered")
	}
}

func TestANodeThatStartsFoldsTheWholeLog(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	m := newMesh(t)
	n1 := m.start("n1")
	a1 := n1.join("a1", 1)
	quiet := m.beat([]*node{n1}, a1, nothingHeld)
	dead := n1.submit(task.Spec{Retry: task.Retry{MaxAttempts: 1}, Input: inline("again")})
	got := m.awaitAssignment(a1, dead, 1)
	_, err := n1.cmds.FailTask(ctx, admin(), commands.Meta{}, ref(a1, got), task.Failure{Message: "no"})
	must(t, err)
	n1.awaitStatus(dead, task.StatusDeadLettered)
	_, err = n1.cmds.RequeueTask(ctx, admin(), commands.Meta{}, dead, "once more", time.Time{})
	must(t, err)
	held := m.awaitAssignment(a1, dead, 2)
	waiting := n1.submit(task.Spec{})
	quiet()
	n1.stop()

	n2 := m.start("n2")
	m.beat([]*node{n2}, a1, nothingHeld)
	n2.awaitLeader()
	m.await("both tasks", func() bool { return n2.coord.Health().Tasks == 2 })
	open, err := n2.coord.Open(ctx, tenant, a1)
	must(t, err)
	if len(open) != 1 || open[0].Task != dead || open[0].Attempt != 2 || string(open[0].Spec.Input.Inline) != `"again"` {
		t.Errorf("open: %+v", open)
	}
	_, err = n2.cmds.CompleteTask(ctx, admin(), commands.Meta{}, ref(a1, held), commands.Completion{})
	must(t, err)
	m.awaitAssignment(a1, waiting, 1)
}

func TestATaskWithAnEventOfANewerBinaryIsLeftAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	n := newMesh(t).start("n1")
	n.awaitLeader()
	id := n.submit(task.Spec{})
	_, err := n.store.Append(ctx, eventstore.Decision{
		Command: eventstore.Command{ID: "c-1", Actor: "admin-1", Time: time.Now()},
		Writes: []eventstore.Write{{
			Entity: eventstore.Entity{Tenant: tenant, Kind: "task", ID: id}, Expect: n.history("task", id)[0].Seq,
			Events: []eventstore.NewEvent{{Type: "task.suspended", Schema: 7, Data: []byte(`{}`)}},
		}},
	})
	must(t, err)
	a1 := n.join("a1", 10)
	n.beat([]*node{n}, a1, nothingHeld)
	n.awaitAssignment(a1, n.submit(task.Spec{}), 1)
	why, err := n.coord.Why(ctx, tenant, id)
	must(t, err)
	if why.Summary != "the task has an event that this binary does not know, so this node does not act on it" {
		t.Errorf("why: %+v", why)
	}
	n.await("health to tell", func() bool { return n.coord.Health().ReadOnly == 1 })
	if got := n.types("task", id); len(got) != 2 {
		t.Errorf("events: %v", got)
	}
}

// TestTwoLeadersLoseNothing has two nodes lead at once, which the lease is
// there to prevent: still no task is lost, and none is assigned twice.
func TestTwoLeadersLoseNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	m := newMesh(t)
	nodes := []*node{m.start("n1"), m.start("n2", func(c *workers.Config) {
		nc, err := m.nats.Connect(ctx)
		must(t, err)
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		must(t, err)
		c.Leases, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "OTHER", TTL: 3 * time.Second})
		must(t, err)
	})}
	for _, n := range nodes {
		n.awaitLeader()
	}
	var agents sync.WaitGroup
	defer agents.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range 3 {
		id := nodes[0].join(fmt.Sprintf("a%d", i), 4)
		m.beat(nodes, id, nothingHeld)
		agents.Go(func() { m.work(ctx, nodes[0], id) })
	}
	const tasks = 60
	ids := make([]string, tasks)
	for i := range ids {
		ids[i] = nodes[i%2].submit(task.Spec{})
	}
	for _, id := range ids {
		nodes[0].awaitStatus(id, task.StatusCompleted)
	}
	for _, id := range ids {
		if got := nodes[0].types("task", id); len(got) != 3 {
			t.Errorf("task %s: %v", id, got)
		}
	}
	m.await("both to forget them", func() bool { return nodes[0].coord.Health().Tasks+nodes[1].coord.Health().Tasks == 0 })
	if a, b := nodes[0].coord.Health(), nodes[1].coord.Health(); a.Assigned+b.Assigned != tasks || a.Held+b.Held != 0 {
		t.Errorf("health: %+v and %+v", a, b)
	}
}

// work is an agent that does what it is told at once.
func (m *mesh) work(ctx context.Context, n *node, agentID string) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	done := map[workers.Held]bool{}
	for {
		for _, msg := range m.told(agentID, func(msg workers.Message) bool { return msg.Assign != nil }) {
			h := workers.Held{Task: msg.Assign.Task, Attempt: msg.Assign.Attempt}
			if done[h] {
				continue
			}
			done[h] = true
			if _, err := n.cmds.CompleteTask(ctx, admin(), commands.Meta{}, ref(agentID, msg.Assign), commands.Completion{}); err != nil && ctx.Err() == nil {
				m.t.Errorf("complete %s: %v", h.Task, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// BenchmarkAssign measures assignments from the submitted backlog to the log
// and the agents, on a node that already leads.
func BenchmarkAssign(b *testing.B) {
	m := newMesh(b)
	n := m.start("n1", func(c *workers.Config) { c.Heartbeat = time.Hour })
	n.awaitLeader()
	const tasks = 10_000
	for b.Loop() {
		b.StopTimer()
		before := n.coord.Health()
		subs := make([]commands.Submission, tasks)
		for i := range subs {
			subs[i].Spec = task.Spec{Capabilities: []string{"bench"}, Lease: task.MaxLease}
		}
		n.submitAll(subs)
		m.await("the backlog", func() bool { return n.coord.Health().Waiting == tasks })
		name := fmt.Sprintf("a%d", before.Assigned)
		b.StartTimer()
		id := n.join(name, tasks, "bench")
		m.await("assignments", func() bool { return n.coord.Health().Assigned == before.Assigned+tasks })
		b.StopTimer()
		_, err := n.cmds.DrainAgent(context.Background(), admin(), commands.Meta{}, id, "")
		must(b, err)
		b.StartTimer()
	}
	b.ReportMetric(tasks*float64(b.N)/b.Elapsed().Seconds(), "assignments/s")
}

func (n *node) submitAll(subs []commands.Submission) {
	n.t.Helper()
	for len(subs) > 0 {
		now := subs[:min(500, len(subs))]
		subs = subs[len(now):]
		for _, r := range n.cmds.SubmitTasks(context.Background(), admin(), now) {
			must(n.t, r.Err)
		}
	}
}
