package workers_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/identity/identitytest"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers"
)

const (
	tenant    = "acme"
	heartbeat = 200 * time.Millisecond
	patience  = 20 * time.Second
)

// admin is who submits in these tests.
func admin() domain.Actor { return identitytest.Actor("admin-1", tenant) }

// mesh is one log, and the messages that its nodes sent to agents.
type mesh struct {
	t    testing.TB
	nats *embedded.NATS

	mu    sync.Mutex
	inbox map[string][]workers.Message
}

// node is one process of the mesh.
type node struct {
	*mesh
	nc    *nats.Conn
	store *eventstore.Store
	cmds  *commands.Service
	coord *workers.Coordinator
	stop  func() // in order
}

func newMesh(t testing.TB) *mesh {
	t.Helper()
	return &mesh{t: t, nats: embeddedtest.NATS(t), inbox: map[string][]workers.Message{}}
}

// start runs a node until it is stopped or the test ends.
func (m *mesh) start(name string, change ...func(*workers.Config)) *node {
	m.t.Helper()
	ctx := context.Background()
	nc, err := m.nats.Connect(ctx)
	must(m.t, err)
	store, err := eventstore.Open(ctx, nc, eventstore.Config{Stream: "EVENTS", Log: zerolog.Nop()})
	must(m.t, err)
	js, err := jetstream.New(nc)
	must(m.t, err)
	leases, err := workers.CreateLeases(ctx, js, 1)
	must(m.t, err)
	n := &node{mesh: m, nc: nc, store: store}
	n.cmds = commands.New(commands.Config{Store: store, Directory: identitytest.Super("admin-1", tenant), Secret: []byte("secret"), Log: zerolog.Nop()})
	cfg := workers.Config{
		Store: store, Commands: n.cmds, Leases: leases, Node: name, Heartbeat: heartbeat, Log: zerolog.Nop(), Send: m.deliver,
	}
	for _, c := range change {
		c(&cfg)
	}
	n.coord = workers.New(cfg)
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- n.coord.Run(run) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			m.t.Errorf("run %s: %v", name, err)
		}
		closing, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := store.Close(closing); err != nil && !nc.IsClosed() {
			m.t.Errorf("close the store of %s: %v", name, err)
		}
		nc.Close()
	})
	m.t.Cleanup(n.stop)
	return n
}

func (m *mesh) deliver(_, agentID string, msg workers.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inbox[agentID] = append(m.inbox[agentID], msg)
}

// told returns the messages sent to an agent that fit.
func (m *mesh) told(agentID string, fits func(workers.Message) bool) []workers.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []workers.Message
	for _, msg := range m.inbox[agentID] {
		if fits(msg) {
			all = append(all, msg)
		}
	}
	return all
}

// awaitAssignment waits until the agent was told of the attempt.
func (m *mesh) awaitAssignment(agentID, taskID string, attempt int) *workers.Assignment {
	m.t.Helper()
	var got *workers.Assignment
	m.await("assignment to "+agentID, func() bool {
		for _, msg := range m.told(agentID, func(msg workers.Message) bool { return msg.Assign != nil }) {
			if msg.Assign.Task == taskID && msg.Assign.Attempt == attempt {
				got = msg.Assign
			}
		}
		return got != nil
	})
	return got
}

// awaitRevocation waits until the agent was told to stop the attempt.
func (m *mesh) awaitRevocation(agentID, taskID string, attempt int) *workers.Revocation {
	m.t.Helper()
	var got *workers.Revocation
	m.await("revocation to "+agentID, func() bool {
		for _, msg := range m.told(agentID, func(msg workers.Message) bool { return msg.Revoke != nil }) {
			if msg.Revoke.Task == taskID && msg.Revoke.Attempt == attempt {
				got = msg.Revoke
			}
		}
		return got != nil
	})
	return got
}

// await polls until ok, for a bounded time.
func (m *mesh) await(what string, ok func() bool) {
	m.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			m.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func (n *node) awaitLeader() {
	n.t.Helper()
	n.await("this node to lead", func() bool { return n.coord.Health().Leader })
}

// join registers an agent.
func (n *node) join(name string, capacity int, capabilities ...string) string {
	n.t.Helper()
	res, err := n.cmds.RegisterAgent(context.Background(), admin(), commands.Meta{}, agent.Spec{Name: name, Capacity: capacity, Capabilities: capabilities})
	must(n.t, err)
	return res.ID
}

// submit submits a task.
func (n *node) submit(s task.Spec) string {
	n.t.Helper()
	res, err := n.cmds.SubmitTask(context.Background(), admin(), commands.Meta{}, s)
	must(n.t, err)
	return res.ID
}

// state folds a task from the log.
func (n *node) state(id string) task.Task {
	n.t.Helper()
	var t task.Task
	for _, r := range n.history("task", id) {
		var err error
		t, err = commands.FoldTask(t, r)
		must(n.t, err)
	}
	return t
}

func (n *node) history(kind, id string) []eventstore.Record {
	n.t.Helper()
	rs, err := n.store.History(context.Background(), eventstore.Entity{Tenant: tenant, Kind: kind, ID: id}, 0)
	must(n.t, err)
	return rs
}

func (n *node) types(kind, id string) []string {
	n.t.Helper()
	var types []string
	for _, r := range n.history(kind, id) {
		types = append(types, r.Type)
	}
	return types
}

func (n *node) awaitStatus(id string, want task.Status) {
	n.t.Helper()
	n.await("task to be "+string(want), func() bool { return n.state(id).Status == want })
}

// beat has agents give signs of life to some nodes until stop is called.
func (m *mesh) beat(nodes []*node, agentID string, held func() []workers.Held) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(heartbeat / 8)
		defer tick.Stop()
		for {
			for _, n := range nodes {
				n.coord.Heartbeat(tenant, agentID, held())
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	m.t.Cleanup(stop)
	return stop
}

func nothingHeld() []workers.Held { return nil }

func ref(agentID string, a *workers.Assignment) commands.AttemptRef {
	return commands.AttemptRef{Task: a.Task, Attempt: a.Attempt, Agent: agentID}
}

func inline(v any) domain.Payload {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return domain.Payload{Inline: b}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
