package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// polled is what one poll of an agent brings.
func polled(t *testing.T, m *apitest.Mesh, agent, query string) []client.Inbox {
	t.Helper()
	var out client.Messages
	decode(t, ask(t, m, "GET", "/v1/agents/"+agent+"/assignments?"+query, ""), &out)
	return out.Messages
}

func testPoll(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	reg, err := m.Client.Register(t.Context(), client.RegisterRequest{Name: "poller", Capabilities: []string{"poll"}, Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := polled(t, m, reg.ID, "wait=0s"); len(got) != 0 {
		t.Fatalf("nothing to do, but %+v", got)
	}
	task := submit(t, m, client.SubmitRequest{Capabilities: []string{"poll"}, Input: []byte(`"in"`)})
	got := polled(t, m, reg.ID, "wait=20s")
	if len(got) != 1 || got[0].Assign == nil || got[0].Assign.Task != task.ID || string(got[0].Assign.Input.Inline) != `"in"` {
		t.Fatalf("assignment: %+v", got)
	}
	if _, err := m.Client.Agent(within(t, 10*time.Second), reg.ID, reg.Position); err != nil { // a name is looked up in the read model
		t.Fatal(err)
	}
	if again := polled(t, m, "poller", "wait=0s"); len(again) != 1 || again[0].Assign == nil {
		t.Errorf("asked again without holding it: %+v", again)
	}
	held := fmt.Sprintf("held=%s:%d&wait=", task.ID, got[0].Assign.Attempt)
	if again := polled(t, m, reg.ID, held+"0s"); len(again) != 0 {
		t.Errorf("holding it: %+v", again)
	}
	if newer := polled(t, m, reg.ID, "held="+task.ID+":99&wait=0s"); len(newer) != 1 || newer[0].Revoke != nil {
		t.Errorf("an attempt that is newer than the log must not be revoked: %+v", newer)
	}
	if _, err := m.Client.Cancel(t.Context(), task.ID, "changed my mind"); err != nil {
		t.Fatal(err)
	}
	revoked := polled(t, m, reg.ID, held+"20s")
	if len(revoked) != 1 || revoked[0].Revoke == nil || revoked[0].Revoke.Task != task.ID {
		t.Errorf("revocation: %+v", revoked)
	}
	for _, query := range []string{"wait=1h", "wait=x", "held=x", "held=" + task.ID} {
		if r := ask(t, m, "GET", "/v1/agents/"+reg.ID+"/assignments?"+query, ""); r.status != 422 {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	if r := ask(t, m, "GET", "/v1/agents/"+uuid.NewString()+"/assignments", ""); r.status != 404 {
		t.Errorf("unknown agent: %d %s", r.status, r.body)
	}
}

// assigned registers an agent by hand and gives it a task.
func assigned(t *testing.T, m *apitest.Mesh, name string) (agent string, task client.Receipt, attempt int) {
	t.Helper()
	reg, err := m.Client.Register(t.Context(), client.RegisterRequest{Name: name, Capabilities: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	task = submit(t, m, client.SubmitRequest{Capabilities: []string{name}})
	got := polled(t, m, reg.ID, "wait=20s")
	if len(got) != 1 || got[0].Assign == nil {
		t.Fatalf("assignment: %+v", got)
	}
	return reg.ID, task, got[0].Assign.Attempt
}

func testFencing(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	agent, task, attempt := assigned(t, m, "fenced")
	path := "/v1/tasks/" + task.ID + "/"
	report := func(attempt int, agent, more string) string {
		return fmt.Sprintf(`{"attempt":%d,"agent":%q%s}`, attempt, agent, more)
	}
	for _, verb := range []string{"start", "complete", "fail", "return"} {
		if r := ask(t, m, "POST", path+verb, report(attempt+1, agent, "")); r.status != 409 || r.problem.Code != "old_attempt" {
			t.Errorf("%s for another attempt: %d %s", verb, r.status, r.body)
		}
		if r := ask(t, m, "POST", path+verb, report(attempt, uuid.NewString(), "")); r.status != 403 || r.problem.Code != "wrong_agent" {
			t.Errorf("%s by another agent: %d %s", verb, r.status, r.body)
		}
	}
	if r := ask(t, m, "POST", path+"progress", report(attempt, agent, `,"percent":101`)); r.status != 422 || r.problem.Field != "percent" {
		t.Errorf("101 percent: %d %s", r.status, r.body)
	}
	var first, second client.Receipt
	done := report(attempt, agent, `,"result":42,"command":"c-1"`)
	decode(t, ask(t, m, "POST", path+"complete", done), &first)
	decode(t, ask(t, m, "POST", path+"complete", done), &second)
	if !second.Repeat || second.Position != first.Position {
		t.Errorf("completed twice by one command: %+v then %+v", first, second)
	}
	if r := ask(t, m, "POST", path+"complete", report(attempt, agent, "")); r.status != 409 || r.problem.Code != "task_finished" {
		t.Errorf("completed again: %d %s", r.status, r.body)
	}
	if r := ask(t, m, "POST", path+"requeue", ""); r.status != 409 {
		t.Errorf("requeued a completed task: %d %s", r.status, r.body)
	}
}

func testProgress(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	agent, task, attempt := assigned(t, m, "progressing")
	nc := agentConn(t, m)
	signals, err := nc.SubscribeSync(client.ProgressSubject("default", task.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for percent := range 5 {
		body := fmt.Sprintf(`{"attempt":%d,"agent":%q,"percent":%d}`, attempt, agent, percent)
		if r := ask(t, m, "POST", "/v1/tasks/"+task.ID+"/progress", body); r.status != 200 {
			t.Fatalf("progress: %d %s", r.status, r.body)
		}
	}
	for range 5 {
		if _, err := signals.NextMsg(5 * time.Second); err != nil {
			t.Fatalf("signal: %v", err)
		}
	}
	page, err := m.Client.TaskEvents(t.Context(), task.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for _, e := range page.Items {
		if e.Type == "task.progressed" {
			events++
		}
	}
	if events != 1 {
		t.Errorf("5 reports within 10 s made %d events, want 1", events)
	}
}

func testAgents(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	reg, err := m.Client.Register(ctx, client.RegisterRequest{Name: "drained", Capacity: 3, Labels: map[string]string{"zone": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if reg.HeartbeatMS != 500 || reg.NATS == nil || reg.Tenant != "default" {
		t.Errorf("registration: %+v", reg)
	}
	same, err := m.Client.Register(ctx, client.RegisterRequest{Name: "drained", Capacity: 3, Labels: map[string]string{"zone": "a"}})
	if err != nil || same.ID != reg.ID {
		t.Errorf("registered again: %+v, %v", same, err)
	}
	for _, step := range []struct {
		status string
		do     func() (client.Receipt, error)
	}{
		{"draining", func() (client.Receipt, error) { return m.Client.DrainAgent(ctx, reg.ID, "maintenance") }},
		{"active", func() (client.Receipt, error) { return m.Client.ResumeAgent(ctx, "drained") }},
		{"left", func() (client.Receipt, error) { return m.Client.LeaveAgent(ctx, reg.ID) }},
	} {
		r, err := step.do()
		if err != nil {
			t.Fatalf("%s: %v", step.status, err)
		}
		if a, err := m.Client.Agent(ctx, "drained", r.Position); err != nil || a.Status != step.status || a.Capacity != 3 {
			t.Errorf("want %s: %+v, %v", step.status, a, err)
		}
	}
	page, err := m.Client.Agents(ctx, client.ListOptions{Filter: "name:drained"})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("list: %+v, %v", page, err)
	}
	if r := ask(t, m, "POST", "/v1/agents/"+reg.ID+"/heartbeat", `{"held":[]}`); r.status != 204 {
		t.Errorf("heartbeat: %d %s", r.status, r.body)
	}
}

func testCancel(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for name, overHTTP := range map[string]bool{"cancel-nats": false, "cancel-http": true} {
		begun, ended := make(chan struct{}), make(chan error, 1)
		stop := runAgent(t, m.Client, client.AgentConfig{
			Register: client.RegisterRequest{Name: name, Capabilities: []string{name}}, OverHTTP: overHTTP,
			Handler: func(ctx context.Context, _ *client.Work) (any, error) {
				close(begun)
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, ctx.Err()
			},
		})
		task := submit(t, m, client.SubmitRequest{Capabilities: []string{name}})
		<-begun
		if _, err := m.Client.Cancel(t.Context(), task.ID, "stop"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the handler's context ended with %v", err)
			}
		case <-time.After(15 * time.Second):
			t.Fatal("the cancellation did not reach the handler")
		}
		stop()
		if got, err := m.Client.Wait(within(t, 10*time.Second), task.ID); err != nil || got.Status != "cancelled" {
			t.Errorf("task: %s, %v", got.Status, err)
		}
	}
}

func testFailures(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	runAgent(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "failing", Capabilities: []string{"failing"}, Capacity: 4}, StartAfter: time.Millisecond,
		Handler: func(_ context.Context, w *client.Work) (any, error) {
			w.Log("attempt")
			switch string(w.Input) {
			case `"panic"`:
				panic("boom")
			case `"permanent"`:
				return nil, client.Permanent(errors.New("no use"))
			case `"unencodable"`:
				return make(chan int), nil
			}
			return nil, errors.New("try again")
		},
	})
	for input, want := range map[string]struct{ status, text string }{
		"panic":       {"dead_lettered", "panic: boom"},
		"retry":       {"dead_lettered", "try again"},
		"permanent":   {"failed", "no use"},
		"unencodable": {"failed", "encode result"},
	} {
		task := submit(t, m, client.SubmitRequest{
			Capabilities: []string{"failing"}, Input: []byte(`"` + input + `"`), Retry: &client.Retry{MaxAttempts: 2, BackoffMS: 1},
		})
		got, err := m.Client.Wait(within(t, 20*time.Second), task.ID)
		if err != nil || got.Status != want.status {
			t.Fatalf("%s: %s, %v", input, got.Status, err)
		}
		last := got.Attempts[len(got.Attempts)-1]
		if !strings.Contains(last.Error, want.text) || last.Log == nil || !strings.Contains(string(last.Log.Inline), "attempt") || last.StartedAt == nil {
			t.Errorf("%s: last attempt %+v", input, last)
		}
	}
}
