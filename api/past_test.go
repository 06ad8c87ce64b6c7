package api_test

import (
	"net/http"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Only who may rebuild read models has the past shown, reading alone, and the
// answer says which event it is as of.
func TestPast(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	got := submit(t, m, client.SubmitRequest{Capabilities: []string{"past"}})
	header := []string{client.HeaderAt, got.Position}
	if _, err := m.Client.Cancel(t.Context(), got.ID, "changed"); err != nil {
		t.Fatal(err)
	}
	then, err := client.New(client.Config{URL: m.URL, Token: m.Token, At: got.Position})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(then.Close)
	if task, err := then.Task(t.Context(), got.ID, ""); err != nil || task.Status != "waiting" {
		t.Errorf("the task as of its submission: %+v, %v", task, err)
	}
	if r := ask(t, m, http.MethodGet, "/v1/tasks", "", header...); r.status != http.StatusOK || r.header.Get(client.HeaderAt) == "" {
		t.Errorf("tasks: %d %v", r.status, r.header)
	}
	for path, method := range map[string]string{
		"/v1/tasks": http.MethodPost, "/v1/memory": http.MethodPost, "/v1/tasks/" + got.ID + "/why": http.MethodGet, "/v1/feed": http.MethodGet,
		"/v1/memory/stats": http.MethodGet, "/v1/principals": http.MethodGet, "/v1/agents/x/assignments": http.MethodGet, "/v1/projections": http.MethodGet,
	} {
		if r := ask(t, m, method, path, "{}", header...); r.status != http.StatusUnprocessableEntity || r.problem.Field != client.HeaderAt {
			t.Errorf("%s %s: %d %+v", method, path, r.status, r.problem)
		}
	}
	for _, when := range []string{"0", "-1", "yesterday", "99999", "2001-01-01T00:00:00Z", "0195a0a0-0000-7000-8000-000000000001.4"} {
		if r := ask(t, m, http.MethodGet, "/v1/tasks", "", client.HeaderAt, when); r.status/100 != 4 {
			t.Errorf("%s: %d %+v", when, r.status, r.problem)
		}
	}
	root := domain.Actor{ID: m.Root, Kind: domain.Service, Tenant: domain.DefaultTenant}
	_, key := newPrincipal(t, m, root, "past-reader", identity.RoleDeveloper)
	limited, err := client.New(client.Config{URL: m.URL, Token: key, At: got.Position})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(limited.Close)
	_, err = limited.Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "denied")
}
