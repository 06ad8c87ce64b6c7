package api_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

type document struct {
	OpenAPI    string
	Paths      map[string]map[string]struct{ Responses map[string]any }
	Components struct{ Schemas map[string]any }
}

func readDocument(t *testing.T, data []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// routes are all routes of the contract but /metrics and /openapi.json itself.
func routes() []string {
	return []string{
		"get /.well-known/jwks.json", "get /healthz", "get /readyz", "get /v1/actions", "get /v1/agents", "get /v1/agents/{id}",
		"get /v1/agents/{id}/assignments", "get /v1/archive", "get /v1/archive/scrub", "get /v1/artifacts/{digest}", "get /v1/auth/oidc/callback", "get /v1/auth/oidc/{provider}/start",
		"get /v1/auth/providers", "get /v1/counts", "get /v1/documents", "get /v1/events", "get /v1/events/{seq}", "get /v1/feed",
		"get /v1/invitations", "get /v1/memory", "get /v1/memory/stats", "get /v1/memory/{id}", "get /v1/policies", "get /v1/principals",
		"get /v1/principals/{id}", "get /v1/projections", "get /v1/projections/{name}/parked", "get /v1/roles", "get /v1/tasks",
		"get /v1/tasks/{id}", "get /v1/tasks/{id}/events", "get /v1/tasks/{id}/why", "get /v1/tenants", "get /v1/version", "get /v1/whoami",
		"post /v1/agents", "post /v1/agents/{id}/drain", "post /v1/agents/{id}/heartbeat", "post /v1/agents/{id}/leave",
		"post /v1/agents/{id}/resume", "post /v1/agents/{id}/sleep", "post /v1/agents/{id}/wake", "post /v1/archive/flush", "post /v1/auth/accept", "post /v1/auth/assertion", "post /v1/auth/delegate", "post /v1/auth/device",
		"post /v1/auth/device/approve", "post /v1/auth/device/token", "post /v1/auth/exchange", "post /v1/auth/login", "post /v1/auth/logout",
		"post /v1/auth/oidc/consent", "post /v1/auth/passkeys/login/begin", "post /v1/auth/passkeys/login/finish",
		"post /v1/auth/passkeys/register/begin", "post /v1/auth/passkeys/register/finish", "post /v1/auth/password",
		"post /v1/auth/recovery-codes", "post /v1/auth/refresh", "post /v1/auth/totp", "post /v1/auth/totp/confirm", "post /v1/auth/totp/remove",
		"post /v1/can-i", "post /v1/documents", "post /v1/documents/{id}/forget", "post /v1/events", "post /v1/invitations",
		"post /v1/invitations/{id}/revoke", "post /v1/memory", "post /v1/memory/batch", "post /v1/memory/pack", "post /v1/memory/search",
		"post /v1/memory/searches", "post /v1/memory/{id}/correct", "post /v1/memory/{id}/forget", "post /v1/memory/{id}/reinforce",
		"post /v1/memory/{id}/restore", "post /v1/memory/{id}/supersede", "post /v1/policies", "post /v1/policies/test",
		"post /v1/policies/{id}/remove", "post /v1/principals", "post /v1/principals/{id}/accounts",
		"post /v1/principals/{id}/credentials/{part}/remove", "post /v1/principals/{id}/grant", "post /v1/principals/{id}/keys",
		"post /v1/principals/{id}/keys/{key}/rotate", "post /v1/principals/{id}/resume", "post /v1/principals/{id}/revoke",
		"post /v1/principals/{id}/revoke-tokens", "post /v1/principals/{id}/sessions/{part}/end", "post /v1/principals/{id}/suspend",
		"post /v1/principals/{id}/teams", "post /v1/projections/{name}/rebuild", "post /v1/projections/{name}/retry",
		"post /v1/projections/{name}/skip", "post /v1/projections/{name}/verify", "post /v1/roles", "post /v1/roles/{id}/remove",
		"post /v1/signing-keys/rotate", "post /v1/tasks", "post /v1/tasks/batch", "post /v1/tasks/{id}/cancel", "post /v1/tasks/{id}/complete",
		"post /v1/tasks/{id}/fail", "post /v1/tasks/{id}/progress", "post /v1/tasks/{id}/requeue", "post /v1/tasks/{id}/return",
		"post /v1/tasks/{id}/start", "post /v1/tenants", "post /v1/tenants/{id}/resume", "post /v1/tenants/{id}/suspend",
	}
}

func TestDocumentHasEveryRoute(t *testing.T) {
	t.Parallel()
	first, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	second, err := api.OpenAPI()
	if err != nil || string(first) != string(second) {
		t.Fatalf("the document changes between two makings: %v", err)
	}
	d := readDocument(t, first)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Errorf("version %s", d.OpenAPI)
	}
	var got []string
	for path, methods := range d.Paths {
		for method, op := range methods {
			got = append(got, method+" "+path)
			if op.Responses["default"] == nil {
				t.Errorf("%s %s does not say how it fails", method, path)
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(routes(), got); diff != "" {
		t.Errorf("the list above and the document: -list +document\n%s", diff)
	}
	if d.Components.Schemas["Problem"] == nil || d.Components.Schemas["ErrorModel"] != nil {
		t.Errorf("schemas: %v", slices.Sorted(maps.Keys(d.Components.Schemas)))
	}
	for _, ref := range strings.SplitAfter(string(first), `"#/components/schemas/`)[1:] {
		if name, _, _ := strings.Cut(ref, `"`); d.Components.Schemas[name] == nil {
			t.Errorf("a schema %q is named and missing", name)
		}
	}
	if kept, err := os.ReadFile("../docs/openapi.json"); err != nil || string(kept) != string(first) {
		t.Errorf("docs/openapi.json is not what the routes say (%v): run go generate ./...", err)
	}
}

// testEveryRoute calls each documented route: something other than "no such
// route" must answer, and in JSON.
func testEveryRoute(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	d := readDocument(t, ask(t, m, "GET", "/openapi.json", "").body)
	for path, methods := range d.Paths {
		for method := range methods {
			if path == "/v1/feed" {
				continue // stays open; feed_test.go
			}
			filled := strings.NewReplacer("{id}", uuid.NewString(), "{key}", "nothing", "{part}", "nothing", "{seq}", "999999", "{name}", "nothing", "{digest}", "x").Replace(path)
			r := ask(t, m, strings.ToUpper(method), filled, "")
			if r.problem.Code == "no_such_route" || r.status >= 500 || r.status >= 400 && r.problem.Code == "" || r.header.Get("X-Request-ID") == "" {
				t.Errorf("%s %s: %d %s", method, filled, r.status, r.body)
			}
		}
	}
	request(t, agentConn(t, m), client.CommandSubject("default", m.Root, "task.why"), "{}") // so that there is one to count
	metrics := string(ask(t, m, "GET", "/metrics", "").body)
	for _, name := range []string{
		"mesh_http_request_seconds", "mesh_nats_request_seconds", "mesh_command_seconds", "mesh_log_appended_events_total",
		"mesh_projection_lag_events", "mesh_projection_parked_events", "mesh_coordinator_leader", "mesh_feeds",
	} {
		if !strings.Contains(metrics, name) {
			t.Errorf("no metric %s", name)
		}
	}
}
