package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

func TestPostgresDown(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	awaitModels(t, m)
	m.Database.Cut()
	apitest.Eventually(t, func() bool {
		r := ask(t, m, "GET", "/readyz", "")
		return r.status == 503 && strings.Contains(string(r.body), "commands and coordination go on")
	})
	for _, path := range []string{"/v1/tasks", "/v1/agents", "/v1/events", "/v1/counts", "/v1/projections", "/v1/tasks/abcd"} {
		r := ask(t, m, "GET", path, "")
		if r.status != 503 || r.problem.Code != "postgres_unreachable" || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	runAgent(t, m.Client, client.AgentConfig{
		Register: client.RegisterRequest{Name: "undisturbed"},
		Handler:  func(context.Context, *client.Work) (any, error) { return "done", nil },
	})
	ctx := within(t, 30*time.Second)
	r, err := m.Client.Submit(ctx, client.SubmitRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Client.Watch(ctx, r.ID, func(client.Event) error { return nil }); err != nil {
		t.Fatalf("the task did not finish: %v", err)
	}
	if _, err := m.Client.Why(ctx, r.ID); err != nil {
		t.Errorf("why: %v", err)
	}
	if r := ask(t, m, "POST", "/v1/tasks/abcd/cancel", ""); r.status != 503 {
		t.Errorf("a short id: %d %s", r.status, r.body)
	}
	m.Database.Restore()
	task, err := m.Client.Wait(ctx, r.ID)
	if err != nil || task.Status != "completed" {
		t.Errorf("after Postgres came back: %s, %v", task.Status, err)
	}
}

func TestFeedsBeforeRun(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{HeldBack: true})
	if r := ask(t, m, "GET", "/v1/feed", ""); r.status != 503 || r.problem.Code != "feeds_unavailable" {
		t.Errorf("feed: %d %s", r.status, r.body)
	}
	ready, err := m.Client.Ready(t.Context())
	if err != nil || ready.Ready {
		t.Errorf("ready: %+v, %v", ready, err)
	}
}
