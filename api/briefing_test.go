package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/workers/rememberer"
)

// briefed submits a task for the agent and returns its assignment.
func briefed(t *testing.T, m *apitest.Mesh, agent, capability string, r client.SubmitRequest) *client.Assignment {
	t.Helper()
	r.Capabilities = []string{capability}
	task := submit(t, m, r)
	var found *client.Assignment
	apitest.Eventually(t, func() bool {
		for _, in := range polled(t, m, agent, "wait=1s") {
			if in.Assign != nil && in.Assign.Task == task.ID {
				found = in.Assign
			}
		}
		return found != nil
	})
	if _, err := m.Client.Cancel(within(t, 10*time.Second), task.ID, "seen"); err != nil {
		t.Fatal(err)
	}
	return found
}

// A task that asks for memory brings it to the agent, never more than the agent
// may recall; one that does not brings none.
func testBriefing(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	shared := remember(t, m, client.RememberRequest{Text: "The zeppelin hangar opens at dawn.", Kind: "decision"})
	remember(t, m, client.RememberRequest{Text: "The zeppelin hangar code is 4711.", Scope: "agent:" + m.Root})
	reg, err := m.Client.Register(ctx, client.RegisterRequest{Name: "briefed", Capabilities: []string{"briefed"}, Capacity: 9})
	if err != nil {
		t.Fatal(err)
	}
	own := remember(t, m, client.RememberRequest{Text: "I parked the zeppelin in the second hangar.", Scope: "agent:" + reg.ID})
	apitest.Eventually(t, func() bool { // the read model has heard of all
		found, err := m.Client.Search(ctx, client.SearchRequest{Query: "zeppelin hangar", Mode: "words"})
		return err == nil && len(found.Hits) == 3
	})
	for name, tt := range map[string]struct {
		request client.SubmitRequest
		want    []string
	}{
		"not asked":        {client.SubmitRequest{Input: json.RawMessage(`"zeppelin hangar"`)}, nil},
		"a query":          {client.SubmitRequest{Recall: &client.TaskRecall{Query: "zeppelin hangar", Budget: 300}}, []string{shared, own}},
		"by its input":     {client.SubmitRequest{Input: json.RawMessage(`{"about":"zeppelin hangar"}`), Recall: &client.TaskRecall{}}, []string{shared, own}},
		"of one kind":      {client.SubmitRequest{Recall: &client.TaskRecall{Query: "zeppelin hangar", Kinds: []string{"decision"}}}, []string{shared}},
		"by a large input": {client.SubmitRequest{Input: large("zeppelin hangar"), Recall: &client.TaskRecall{}}, []string{shared, own}},
	} {
		a := briefed(t, m, reg.ID, "briefed", tt.request)
		if a.MemoryError != "" || (a.Memory == nil) != (tt.want == nil) {
			t.Fatalf("%s: %+v, %s", name, a.Memory, a.MemoryError)
		}
		if a.Memory == nil {
			continue
		}
		got := map[string]bool{}
		for _, i := range a.Memory.Items {
			got[i.ID] = strings.Contains(i.Text, "zeppelin") && i.Source != "" && i.Score > 0
		}
		for _, id := range tt.want {
			if !got[id] {
				t.Errorf("%s: %s is not in %+v", name, id, a.Memory)
			}
		}
		if strings.Contains(a.Memory.Text, "4711") {
			t.Errorf("%s: it was told what is another's: %s", name, a.Memory.Text)
		}
	}
	a := briefed(t, m, reg.ID, "briefed", client.SubmitRequest{Input: json.RawMessage(`7`), Recall: &client.TaskRecall{}})
	if a.Memory != nil || !strings.Contains(a.MemoryError, "give a query") {
		t.Errorf("an input without words: %+v, %s", a.Memory, a.MemoryError)
	}
	for _, r := range []client.TaskRecall{{Budget: 1}, {Kinds: []string{"nonsense"}}} {
		if _, err := m.Client.Submit(ctx, client.SubmitRequest{Capabilities: []string{"briefed"}, Recall: &r}); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
}

// large is an input that is kept outside the log.
func large(text string) json.RawMessage {
	data, _ := json.Marshal([]string{text, strings.Repeat("x", 300<<10)})
	return data
}

// A program's handler finds the pack, also over NATS.
func testBriefedHandler(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	remember(t, m, client.RememberRequest{Text: "Marmalade is made of Seville oranges."})
	got := make(chan *client.Work, 1)
	runAgent(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "jam", Capabilities: []string{"jam"}},
		Handler: func(_ context.Context, w *client.Work) (any, error) {
			got <- w
			return nil, nil
		},
	})
	apitest.Eventually(t, func() bool {
		found, err := m.Client.Search(within(t, 10*time.Second), client.SearchRequest{Query: "Seville marmalade", Mode: "words"})
		return err == nil && len(found.Hits) == 1
	})
	submit(t, m, client.SubmitRequest{Capabilities: []string{"jam"}, Recall: &client.TaskRecall{Query: "what is marmalade made of?"}})
	select {
	case w := <-got:
		if w.Memory == nil || !strings.Contains(w.Memory.Text, "Seville") {
			t.Errorf("%+v, %s", w.Memory, w.MemoryError)
		}
	case <-time.After(20 * time.Second):
		t.Error("no work came")
	}
}

// The result of a task that is to be remembered is found once, however often
// the log is read again; that of another is not.
func testRemembered(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	runAgent(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "notes", Capabilities: []string{"notes"}},
		Handler:  func(_ context.Context, w *client.Work) (any, error) { return w.Input, nil },
	})
	tasks := map[string]bool{}
	for input, want := range map[string]bool{`"the quokka lives on Rottnest"`: true, `{"quokka":"has a pouch"}`: true, `"a quokka not to keep"`: false, `null`: true} {
		task := submit(t, m, client.SubmitRequest{Capabilities: []string{"notes"}, Input: json.RawMessage(input), Remember: want})
		tasks[task.ID] = want && input != "null"
		if _, err := m.Client.Wait(ctx, task.ID); err != nil {
			t.Fatal(err)
		}
	}
	kept := func() []client.Memory {
		page, err := m.Client.Memories(ctx, client.ListOptions{Filter: "kind:episode source:task"})
		if err != nil {
			t.Fatal(err)
		}
		return page.Items
	}
	apitest.Eventually(t, func() bool { return len(kept()) == 2 })
	for _, i := range kept() {
		if !tasks[i.Source.ID] || i.Repeats != 0 || i.Scope != "tenant" {
			t.Errorf("%+v", i)
		}
	}
	again, cancel := context.WithCancel(ctx)
	defer cancel()
	second := rememberer.New(rememberer.Config{Store: m.Store, Commands: m.Commands, Leads: func() bool { return true }})
	done := make(chan error, 1)
	go func() { done <- second.Run(again) }()
	last := submit(t, m, client.SubmitRequest{Capabilities: []string{"notes"}, Input: json.RawMessage(`"the last quokka"`), Remember: true})
	if _, err := m.Client.Wait(ctx, last.ID); err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool { return len(kept()) == 3 && second.Waiting() == 0 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, i := range kept() {
		if i.Repeats != 0 || i.Status != "live" {
			t.Errorf("kept twice: %+v", i)
		}
	}
	if _, err := m.Client.DefineRole(ctx, client.Role{Name: "submitter", Permissions: []string{"task.submit"}}); err != nil {
		t.Fatal(err)
	}
	_, submitter := as(t, m, "default", "onlooker", "submitter")
	submitted := client.SubmitRequest{Capabilities: []string{"notes"}}
	if _, err := submitter.Submit(ctx, submitted); err != nil {
		t.Error(err)
	}
	submitted.Remember = true
	_, err := submitter.Submit(ctx, submitted)
	wantCode(t, err, "denied")
}

// While memory cannot be asked, a task comes without, and says so.
func TestBriefingWithoutMemory(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	reg, err := m.Client.Register(t.Context(), client.RegisterRequest{Name: "unbriefed", Capabilities: []string{"unbriefed"}})
	if err != nil {
		t.Fatal(err)
	}
	m.Database.Cut()
	a := briefed(t, m, reg.ID, "unbriefed", client.SubmitRequest{Recall: &client.TaskRecall{Query: "anything"}})
	if a.Memory != nil || a.MemoryError == "" {
		t.Errorf("%+v, %q", a.Memory, a.MemoryError)
	}
}
