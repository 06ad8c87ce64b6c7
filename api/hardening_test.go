package api_test

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// TestHardening is what HTTP itself must not give away or let through, whoever
// asks. docs/asvs.csv says which requirement each part is for.
func TestHardening(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	awaitModels(t, m)
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"headers":              testHeaders,
		"methods":              testMethods,
		"nothing but routes":   testNothingButRoutes,
		"given twice":          testGivenTwice,
		"encoded twice":        testEncodedTwice,
		"secrets in queries":   testSecretsInQueries,
		"smuggling":            testSmuggling,
		"hostile text":         testHostileText,
		"setup page":           testSetupPage,
		"forgotten password":   testForgottenPassword,
		"failures are told":    testFailuresAreTold,
		"guessed device codes": testGuessedDeviceCodes,
		"context words":        testContextWords,
		"many sessions":        testManySessions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

func testHeaders(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	large := submit(t, m, client.SubmitRequest{Input: json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)})
	task, err := m.Client.Task(t.Context(), large.ID, large.Position)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, credential, media string }{
		{"GET", "/v1/tasks", m.Token, "application/json"},
		{"GET", "/v1/tasks", "", "application/problem+json"},
		{"GET", "/v1/tasks/x", m.Token, "application/problem+json"},
		{"DELETE", "/v1/tasks", m.Token, "application/problem+json"},
		{"OPTIONS", "/v1/tasks", "", "application/problem+json"},
		{"OPTIONS", "/v1/auth/login", "", "application/problem+json"},
		{"POST", "/v1/auth/login", "", "application/problem+json"},
		{"GET", "/nowhere", m.Token, "application/problem+json"},
		{"GET", "/healthz", "", "application/json"},
		{"GET", "/.well-known/jwks.json", "", "application/json"},
		{"GET", "/openapi.json", "", "application/openapi+json"},
		{"GET", "/metrics", m.Token, "text/plain"},
		{"GET", "/setup", "", "text/html"},
		{"GET", "/v1/artifacts/" + task.Input.Artifact.Digest, m.Token, "application/octet-stream"},
	} {
		r := ask(t, m, c.method, c.path, "", "Authorization", "Bearer "+c.credential, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST", "Cookie", "token="+m.Token)
		strictHeaders(t, c.method+" "+c.path, r.header)
		media, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
		if err != nil || media != c.media || strings.HasPrefix(media, "text/") && params["charset"] != "utf-8" {
			t.Errorf("%s %s: %d, Content-Type %q, want %s", c.method, c.path, r.status, r.header.Get("Content-Type"), c.media)
		}
	}
}

// strictHeaders wants what keeps a browser from showing, keeping, framing or
// sharing an answer, and nothing that would let it.
func strictHeaders(t *testing.T, what string, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q, want %s", what, name, got, want)
		}
	}
	policy := h.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, directive) {
			t.Errorf("%s: the policy %q lacks %s", what, policy, directive)
		}
	}
	for _, unsafe := range []string{"unsafe", "*", "http:", "https:", "data:"} {
		if strings.Contains(policy, unsafe) {
			t.Errorf("%s: the policy %q has %s", what, policy, unsafe)
		}
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" || name == "Server" || name == "Strict-Transport-Security" {
			t.Errorf("%s: %s: %s over plain HTTP from another origin", what, name, h.Get(name))
		}
	}
}

// testMethods: what changes something answers to POST alone, and nothing to
// TRACE or CONNECT.
func testMethods(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	documented := map[string]bool{}
	for _, op := range operations(t, m) {
		documented[op.method+" "+op.path] = true
		if op.method != http.MethodGet && op.method != http.MethodPost {
			t.Errorf("%s %s", op.method, op.path)
		}
	}
	asked := 0
	for _, op := range operations(t, m) {
		path := fill(op.path, nil)
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, "HACK"} {
			if documented[method+" "+op.path] || op.path == "/v1/feed" {
				continue
			}
			asked++
			r := ask(t, m, method, path, "", "X-Secret", "echoed?")
			if known := r.status == http.StatusMethodNotAllowed || r.status == http.StatusNotFound; !known || strings.Contains(string(r.body), "echoed?") {
				t.Errorf("%s %s: %d %.200s", method, path, r.status, r.body)
			}
		}
	}
	if asked < 100 {
		t.Errorf("%d requests only", asked)
	}
}

// testNothingButRoutes: no files, listings, debugging pages or ways elsewhere.
func testNothingButRoutes(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v1/auth/", "/docs", "/schemas/Problem.json", "/.git/config", "/.git/", "/.svn/entries", "/.env", "/go.mod", "/admin.token",
		"/debug/pprof/", "/debug/vars", "/debug/requests", "/setup/", "/pages/setup.html", "/static/", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
	} {
		if r := ask(t, m, "GET", path, ""); r.status != http.StatusNotFound || r.problem.Code != "no_such_route" {
			t.Errorf("%s: %d %.100s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"//evil.example", "//evil.example/..", "/\\evil.example", "/v1//tasks", "/setup?next=https://evil.example", "/v1/../setup"} {
		r := ask(t, m, "GET", path, "", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "evil.example")
		if to := r.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\")) {
			t.Errorf("%s leads to %s", path, to)
		}
	}
}

func testGivenTwice(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for query, field := range map[string]string{
		"limit=1&limit=2": "limit", "filter=queue:a&limit=1&filter=queue:b": "filter", "limit=1&%6cimit=2": "limit",
	} {
		if r := ask(t, m, "GET", "/v1/tasks?"+query, ""); r.status != http.StatusUnprocessableEntity || r.problem.Field != field {
			t.Errorf("%s: %d %+v", query, r.status, r.problem)
		}
	}
	// A parameter counts in its own place only.
	if r := ask(t, m, "POST", "/v1/tasks?queue=query", `{"capabilities":["nobody"]}`); r.status != http.StatusUnprocessableEntity || r.problem.Field != "queue" {
		t.Errorf("a body's field in the query: %d %+v", r.status, r.problem)
	}
}

// testEncodedTwice: a path and a query are decoded one time.
func testEncodedTwice(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	made := submit(t, m, client.SubmitRequest{Queue: "plain"})
	for queue, found := range map[string]bool{"plain": true, "%70lain": true, "%2570lain": false} { // %70 is p, %25 is %
		r := ask(t, m, "GET", "/v1/tasks?filter=queue:"+queue+"&after="+made.Position, "")
		if r.status != http.StatusOK || strings.Contains(string(r.body), made.ID) != found {
			t.Errorf("queue %s: %d %.200s", queue, r.status, r.body)
		}
	}
	for _, path := range []string{"/v1/%2561gents", "/%25761/agents", "/v1/agents%252f"} {
		if r := ask(t, m, "GET", path, ""); r.status != http.StatusNotFound || r.problem.Code != "no_such_route" {
			t.Errorf("%s: %d %.100s", path, r.status, r.body)
		}
	}
}

// testSecretsInQueries: a credential counts in its header, and nowhere that
// logs and histories keep.
func testSecretsInQueries(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for _, name := range []string{"access_token", "token", "key", "api_key", "authorization"} {
		r := ask(t, m, "GET", "/v1/tasks?"+name+"="+m.Token, "", "Authorization", "", "Cookie", name+"="+m.Token)
		if r.status != http.StatusUnauthorized || r.problem.Code != "no_credential" || strings.Contains(string(r.body), m.Token) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	for _, op := range operations(t, m) {
		for _, word := range []string{"token", "secret", "password", "code"} {
			if strings.Contains(op.path, "{"+word) {
				t.Errorf("%s has a %s in its path", op.path, word)
			}
		}
	}
}
