package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// nestedInput is a submission whose body has depth levels.
func nestedInput(depth int) string {
	in := depth - 1
	return `{"capabilities":["c"],"input":` + strings.Repeat("[", in) + strings.Repeat("]", in) + `}`
}

// Bodies that are too deep, or whose lists are too long, are refused with a
// code and the field, over HTTP and NATS, and so are headers that are too large.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	event := `{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"x","data":`
	many := strings.TrimSuffix(strings.Repeat(`"c",`, 1001), ",")
	for name, c := range map[string]struct {
		path, body, media string
		status            int
		code, field       string
	}{
		"as deep as may be":      {path: "/v1/tasks", body: nestedInput(64), status: http.StatusOK},
		"brackets in a text":     {path: "/v1/tasks", body: `{"capabilities":["c"],"input":"\"` + strings.Repeat("[{", 100) + `\\"}`, status: http.StatusOK},
		"one too deep":           {path: "/v1/tasks", body: nestedInput(65), status: http.StatusBadRequest, code: "too_deep", field: "body"},
		"deep and never closed":  {path: "/v1/tasks", body: `{"input":` + strings.Repeat("[", 500_000), status: http.StatusBadRequest, code: "too_deep", field: "body"},
		"deep after a login":     {path: "/v1/auth/login", body: `{"login":` + strings.Repeat(`{"a":`, 100), status: http.StatusBadRequest, code: "too_deep", field: "body"},
		"a deep event":           {path: "/v1/events", media: "application/cloudevents+json", body: event + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}", status: http.StatusUnprocessableEntity, code: "too_deep", field: "body"},
		"too many scopes":        {path: "/v1/principals/me/keys", body: `{"scopes":[` + many + `]}`, status: http.StatusUnprocessableEntity, code: "invalid_field", field: "scopes"},
		"too many capabilities":  {path: "/v1/tasks", body: `{"input":1,"capabilities":[` + many + `]}`, status: http.StatusUnprocessableEntity, code: "invalid_field", field: "capabilities"},
		"too many roles":         {path: "/v1/invitations", body: `{"kind":"human","expires_at":"2999-01-01T00:00:00Z","roles":[` + many + `]}`, status: http.StatusUnprocessableEntity, code: "invalid_field", field: "roles"},
		"too many of a token":    {path: "/v1/auth/exchange", body: `{"scope":[` + many + `]}`, status: http.StatusUnprocessableEntity, code: "invalid_field", field: "scope"},
		"too many rights a role": {path: "/v1/roles", body: `{"name":"x","permissions":[` + many + `]}`, status: http.StatusUnprocessableEntity, code: "invalid_field", field: "permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var header []string
			if c.media != "" {
				header = []string{"Content-Type", c.media}
			}
			r := ask(t, m, http.MethodPost, c.path, c.body, header...)
			if ok := c.status == http.StatusOK && r.status < 300; !ok && (r.status != c.status || r.problem.Code != c.code || r.problem.Field != c.field) {
				t.Errorf("%d %+v", r.status, r.problem)
			}
		})
	}
	nc := agentConn(t, m)
	for body, want := range map[string]string{nestedInput(65): "too_deep", `{"input":1,"capabilities":[` + many + `]}`: "invalid_field"} {
		status, answer := request(t, nc, client.CommandSubject(domain.DefaultTenant, m.Root, "task.submit"), body)
		if status != "422" || !strings.Contains(answer, want) {
			t.Errorf("over NATS: %s %s", status, answer)
		}
	}
	if r := ask(t, m, http.MethodGet, "/v1/tasks", "", "X-Large", strings.Repeat("x", 2<<20)); r.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large header: %d", r.status)
	}
}
