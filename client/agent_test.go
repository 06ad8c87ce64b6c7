package client_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// start runs an agent; the function returned ends it and waits.
func start(t *testing.T, c *client.Client, cfg client.AgentConfig) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.RunAgent(ctx, cfg) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("agent: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func submit(t *testing.T, m *apitest.Mesh, r client.SubmitRequest) client.Receipt {
	t.Helper()
	out, err := m.Client.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAgent(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"result": testResult, "drain": testDrain, "hand back": testHandBack, "refuses": testRefuses, "log": testLog,
		"heartbeat": testHeartbeat, "no registration": testNoRegistration, "large result": testLargeResult,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

func testResult(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for name, overHTTP := range map[string]bool{"echo-nats": false, "echo-http": true} {
		stop := start(t, m.Client, client.AgentConfig{
			Register: client.RegisterRequest{Name: name, Capabilities: []string{name}, Capacity: 4}, OverHTTP: overHTTP,
			Handler: func(_ context.Context, w *client.Work) (any, error) {
				w.Progress(50, "half")
				return map[string]any{"input": w.Input, "number": w.Number, "queue": w.Queue, "zone": w.Labels["zone"]}, nil
			},
		})
		var tasks []client.Receipt
		for range 20 {
			tasks = append(tasks, submit(t, m, client.SubmitRequest{
				Queue: "q", Capabilities: []string{name}, Input: json.RawMessage(`{"n":1}`), Labels: map[string]string{"zone": "a"},
			}))
		}
		for _, r := range tasks {
			task, err := m.Client.Wait(within(t, 20*time.Second), r.ID)
			if err != nil || task.Status != "completed" {
				t.Fatalf("%s: %s, %v", name, task.Status, err)
			}
			if got := strings.ReplaceAll(string(task.Result.Inline), " ", ""); got != `{"input":{"n":1},"number":1,"queue":"q","zone":"a"}` {
				t.Fatalf("%s: result %s", name, got)
			}
		}
		stop()
	}
}

func testDrain(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	begun, proceed := make(chan struct{}), make(chan struct{})
	cfg := client.AgentConfig{
		Register: client.RegisterRequest{Name: "draining", Capabilities: []string{"drain"}},
		Handler: func(context.Context, *client.Work) (any, error) {
			close(begun)
			<-proceed
			return "finished", nil
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Client.RunAgent(ctx, cfg) }()
	r := submit(t, m, client.SubmitRequest{Capabilities: []string{"drain"}})
	<-begun
	cancel()
	close(proceed)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	task, err := m.Client.Wait(within(t, 10*time.Second), r.ID)
	if err != nil || task.Status != "completed" || len(task.Attempts) != 1 {
		t.Errorf("task: %s, %v", task.Status, err)
	}
	apitest.Eventually(t, func() bool {
		a, err := m.Client.Agent(t.Context(), "draining", "")
		return err == nil && a.Status == "left"
	})
}

func testHandBack(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	begun, released := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(released) })
	stop := start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "stubborn", Capabilities: []string{"hand-back"}}, DrainTimeout: time.Millisecond,
		Handler: func(context.Context, *client.Work) (any, error) {
			close(begun)
			<-released // pays no heed to its context
			return nil, nil
		},
	})
	r := submit(t, m, client.SubmitRequest{Capabilities: []string{"hand-back"}})
	<-begun
	stop()
	start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "successor", Capabilities: []string{"hand-back"}},
		Handler:  func(context.Context, *client.Work) (any, error) { return "done", nil },
	})
	task, err := m.Client.Wait(within(t, 20*time.Second), r.ID)
	if err != nil || task.Status != "completed" || task.Failures != 0 || len(task.Attempts) < 2 || task.Attempts[0].Outcome != "returned" {
		t.Errorf("task: %+v, %v", task, err)
	}
}

// testRefuses tells an agent of assignments that it must hand back.
func testRefuses(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	returned := make(chan client.AttemptReport, 10)
	sub, err := m.NATS.Subscribe(client.CommandSubject("default", m.Root, "task.return"), func(msg *nats.Msg) {
		var r client.AttemptReport
		if json.Unmarshal(msg.Data, &r) == nil && strings.HasPrefix(r.Task, "00000000-") {
			returned <- r
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	begun, proceed := make(chan struct{}), make(chan struct{})
	told := make(chan error, 100)
	start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "picky", Capabilities: []string{"picky"}}, OnError: func(err error) { told <- err },
		Handler: func(context.Context, *client.Work) (any, error) {
			begun <- struct{}{}
			<-proceed
			return nil, nil
		},
	})
	t.Cleanup(func() { close(proceed) })
	submit(t, m, client.SubmitRequest{Capabilities: []string{"picky"}})
	<-begun
	agent, err := m.Client.Register(t.Context(), client.RegisterRequest{Name: "picky", Capabilities: []string{"picky"}, Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(task string, term uint64) client.AttemptReport {
		data, _ := json.Marshal(client.Inbox{Assign: &client.Assignment{Task: task, Attempt: 1, Term: term}})
		if err := m.NATS.Publish(client.InboxSubject("default", agent.ID), data); err != nil {
			t.Fatal(err)
		}
		for {
			select {
			case r := <-returned:
				if r.Task == task {
					return r
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("assignment of %s was not handed back", task)
			}
		}
	}
	if r := tell("00000000-0000-4000-8000-000000000001", 1<<40); !strings.Contains(r.Reason, "capacity") || r.Agent != agent.ID {
		t.Errorf("over capacity: %+v", r)
	}
	if r := tell("00000000-0000-4000-8000-000000000002", 1<<40-1); !strings.Contains(r.Reason, "older term") {
		t.Errorf("older term: %+v", r)
	}
	if err := <-told; !strings.Contains(err.Error(), "hand back task 00000000-") || !strings.Contains(err.Error(), "capacity") {
		t.Errorf("told: %v", err)
	}
}

func testLog(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "talkative", Capabilities: []string{"log"}},
		Handler: func(_ context.Context, w *client.Work) (any, error) {
			for range 700 {
				w.Log(strings.Repeat("x", 1023))
			}
			w.Log("the end")
			return nil, nil
		},
	})
	r := submit(t, m, client.SubmitRequest{Capabilities: []string{"log"}})
	ctx := within(t, 20*time.Second)
	task, err := m.Client.Wait(ctx, r.ID)
	if err != nil || task.Status != "completed" {
		t.Fatalf("task: %s, %v", task.Status, err)
	}
	data, err := m.Client.Payload(ctx, task.Attempts[0].Log)
	var log string
	if err != nil || json.Unmarshal(data, &log) != nil {
		t.Fatalf("log: %v", err)
	}
	if len(log) < 256<<10 || len(log) > 257<<10 || !strings.HasSuffix(log, "the end\n") || !strings.Contains(log[:80], "left out") {
		t.Errorf("log of %d bytes from %.80q", len(log), log)
	}
}

func testLargeResult(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "large", Capabilities: []string{"large"}},
		Handler: func(_ context.Context, w *client.Work) (any, error) {
			return strings.Repeat("x", len(w.Input)*(1<<20)), nil
		},
	})
	for input, want := range map[string]string{`12345`: "completed", `123456789`: "failed"} { // 5 MiB, 9 MiB
		r := submit(t, m, client.SubmitRequest{Capabilities: []string{"large"}, Input: json.RawMessage(input)})
		task, err := m.Client.Wait(within(t, 20*time.Second), r.ID)
		if err != nil || task.Status != want {
			t.Errorf("a result of %d MiB: %s (%s), %v", len(input), task.Status, task.Reason, err)
		}
	}
}

func testHeartbeat(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for name, overHTTP := range map[string]bool{"beating-nats": false, "beating-http": true} {
		proceed := make(chan struct{})
		stop := start(t, m.Client, client.AgentConfig{
			Register: client.RegisterRequest{Name: name, Capabilities: []string{name}}, OverHTTP: overHTTP,
			Handler: func(context.Context, *client.Work) (any, error) {
				<-proceed
				return nil, nil
			},
		})
		beats, err := m.NATS.SubscribeSync(client.AllHeartbeats)
		if err != nil {
			t.Fatal(err)
		}
		r := submit(t, m, client.SubmitRequest{Capabilities: []string{name}})
		seen := 0
		for seen < 3 {
			msg, err := beats.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatalf("%s: %d heartbeats named the task, then %v", name, seen, err)
			}
			if strings.Contains(string(msg.Data), r.ID) {
				seen++
			}
		}
		_ = beats.Unsubscribe()
		close(proceed)
		stop()
	}
}

func testNoRegistration(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	handler := func(context.Context, *client.Work) (any, error) { return nil, nil }
	for name, c := range map[string]*client.Client{"a name": m.Client, "fine": m.NewClient(t, "mesh_wrong")} {
		err := c.RunAgent(within(t, 5*time.Second), client.AgentConfig{Register: client.RegisterRequest{Name: name}, Handler: handler})
		if !client.IsInvalid(err) && !client.IsUnauthenticated(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.Client.RunAgent(t.Context(), client.AgentConfig{}); err == nil {
		t.Error("no handler")
	}
}

func TestAgentAfterALostConnection(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	m := apitest.Start(t, apitest.Config{AgentURL: "nats://" + p.Addr().String(), Heartbeat: 5 * time.Second})
	p.mu.Lock()
	p.target = strings.TrimPrefix(m.Server.URL(), "nats://")
	p.mu.Unlock()
	begun, ended := make(chan string, 4), make(chan string, 4)
	start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "cut-off", Capabilities: []string{"cut"}, Capacity: 2},
		Handler: func(ctx context.Context, w *client.Work) (any, error) {
			begun <- w.Task
			if string(w.Input) == `"wait"` {
				<-ctx.Done()
				ended <- w.Task
			}
			return nil, ctx.Err()
		},
	})
	held := submit(t, m, client.SubmitRequest{Capabilities: []string{"cut"}, Input: json.RawMessage(`"wait"`)})
	if got := <-begun; got != held.ID {
		t.Fatalf("began %s", got)
	}
	p.setCut(true)
	missed := submit(t, m, client.SubmitRequest{Capabilities: []string{"cut"}})
	if _, err := m.Client.Cancel(t.Context(), held.ID, "while the agent is away"); err != nil {
		t.Fatal(err)
	}
	p.setCut(false)
	for what, c := range map[string]chan string{held.ID: ended, missed.ID: begun} {
		select {
		case got := <-c:
			if got != what {
				t.Errorf("got %s, want %s", got, what)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("the agent did not hear of %s after it came back", what)
		}
	}
	if task, err := m.Client.Wait(within(t, 20*time.Second), missed.ID); err != nil || task.Status != "completed" {
		t.Errorf("task: %s, %v", task.Status, err)
	}
}

// TestAgentTellsOfErrors cuts an agent off while it works: what fails in the
// background is told, and repeated until it gets through.
func TestAgentTellsOfErrors(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	m := apitest.Start(t, apitest.Config{AgentURL: "nats://" + p.Addr().String(), Heartbeat: 2 * time.Second})
	p.mu.Lock()
	p.target = strings.TrimPrefix(m.Server.URL(), "nats://")
	p.mu.Unlock()
	told, begun, proceed := make(chan error, 1000), make(chan struct{}, 1), make(chan struct{})
	start(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "telling", Capabilities: []string{"tell"}},
		OnError:  func(err error) { told <- err },
		Handler: func(context.Context, *client.Work) (any, error) {
			begun <- struct{}{}
			<-proceed
			return strings.Repeat("x", 9<<20), nil // too large: refused at last
		},
	})
	await := func(what string) error {
		t.Helper()
		limit := time.After(15 * time.Second)
		for {
			select {
			case err := <-told:
				if strings.Contains(err.Error(), what) {
					return err
				}
			case <-limit:
				t.Fatalf("nothing was told about: %s", what)
			}
		}
	}
	task := submit(t, m, client.SubmitRequest{Capabilities: []string{"tell"}})
	<-begun
	p.setCut(true)
	await("connection to NATS lost")
	await("heartbeat")
	p.setCut(false)
	close(proceed)
	if err := await("complete task " + task.ID + " attempt 1"); !client.IsInvalid(err) {
		t.Errorf("a refused result: %v", err)
	}
}
