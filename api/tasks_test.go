package api_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// runAgent runs an agent until the test ends or stop is called, which waits
// for its end.
func runAgent(t *testing.T, c *client.Client, cfg client.AgentConfig) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.RunAgent(ctx, cfg) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("agent: %v", err)
		}
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

func TestTaskFromSubmissionToResult(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	for _, overHTTP := range []bool{false, true} {
		name := map[bool]string{false: "over NATS", true: "over HTTP"}[overHTTP]
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			stop := runAgent(t, m.Client, client.AgentConfig{
				Register: client.RegisterRequest{Name: "echo", Capabilities: []string{"echo"}, Capacity: 4}, OverHTTP: overHTTP,
				Handler: func(_ context.Context, w *client.Work) (any, error) {
					w.Log("seen")
					return w.Input, nil
				},
			})
			defer stop()
			r, err := m.Client.Submit(ctx, client.SubmitRequest{Capabilities: []string{"echo"}, Input: json.RawMessage(`{"n":1}`)})
			if err != nil {
				t.Fatal(err)
			}
			task, err := m.Client.Wait(ctx, r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if task.Status != "completed" || task.Result == nil || string(task.Result.Inline) != `{"n": 1}` && string(task.Result.Inline) != `{"n":1}` {
				t.Fatalf("task: %+v", task)
			}
		})
	}
}
