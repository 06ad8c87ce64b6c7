package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

func testIdempotency(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	body := `{"queue":"q","capabilities":["nobody"],"input":{"a":1}}`
	key := uuid.NewString()
	var first, second client.Receipt
	decode(t, ask(t, m, "POST", "/v1/tasks", body, "Idempotency-Key", key), &first)
	decode(t, ask(t, m, "POST", "/v1/tasks", body, "Idempotency-Key", key), &second)
	if first.Repeat || !second.Repeat || first.ID != second.ID || first.Position != second.Position {
		t.Errorf("first %+v, second %+v", first, second)
	}
	inBody := strings.Replace(body, "{", `{"key":"`+key+`",`, 1)
	decode(t, ask(t, m, "POST", "/v1/tasks", inBody), &second)
	if second.ID != first.ID || !second.Repeat {
		t.Errorf("the key in the body: %+v", second)
	}
	nc := agentConn(t, m)
	if status, answer := request(t, nc, client.CommandSubject("default", m.Root, "task.submit"), inBody); status != "" || !strings.Contains(answer, first.ID) {
		t.Errorf("over NATS: %s %s", status, answer)
	}
	if r := ask(t, m, "POST", "/v1/tasks", `{"queue":"other"}`, "Idempotency-Key", key); r.status != 409 || r.problem.Code != "key_reused" {
		t.Errorf("other content: %d %+v", r.status, r.problem)
	}
	if r := ask(t, m, "POST", "/v1/tasks", inBody, "Idempotency-Key", "another"); r.status != 422 || r.problem.Field != "key" {
		t.Errorf("two keys: %d %+v", r.status, r.problem)
	}
	dead := "/v1/tasks/" + first.ID + "/cancel"
	decode(t, ask(t, m, "POST", dead, `{"reason":"enough"}`), &first)
	decode(t, ask(t, m, "POST", dead, ""), &second)
	if first.Position != second.Position {
		t.Errorf("cancelled twice: %+v, then %+v", first, second)
	}
}

func decode(t *testing.T, r reply, out any) {
	t.Helper()
	if r.status != 200 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		t.Fatal(err)
	}
}

func testBatch(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	rs, err := m.Client.SubmitBatch(t.Context(), []client.SubmitRequest{
		{Capabilities: []string{"nobody"}, Key: "batch-1"}, {Priority: 10}, {Capabilities: []string{"nobody"}, Key: "batch-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) != 3 || rs[0].Error != nil || rs[0].ID == "" || rs[2].ID != rs[0].ID || !rs[2].Repeat {
		t.Errorf("results: %+v", rs)
	}
	if p := rs[1].Error; p == nil || p.Field != "priority" || p.Status != 422 {
		t.Errorf("refused item: %+v", p)
	}
	for _, body := range []string{`{"tasks":[]}`, `{"tasks":[` + strings.Repeat("{},", 1000) + `{}]}`} {
		if r := ask(t, m, "POST", "/v1/tasks/batch", body); r.status != 422 || r.problem.Field != "tasks" {
			t.Errorf("batch of a wrong size: %d %+v", r.status, r.problem)
		}
	}
	again := ask(t, m, "POST", "/v1/tasks/batch", `{"tasks":[{"queue":"b","capabilities":["nobody"]}]}`, "Idempotency-Key", "whole")
	if more := ask(t, m, "POST", "/v1/tasks/batch", `{"tasks":[{"queue":"b","capabilities":["nobody"]}]}`, "Idempotency-Key", "whole"); !strings.Contains(string(more.body), `"repeat":true`) {
		t.Errorf("batch repeated: %s then %s", again.body, more.body)
	}
}

// badSubmissions are bodies of POST /v1/tasks, the field that is wrong, and the status.
func badSubmissions() map[string][2]string {
	past := time.Now().Add(-time.Hour).Format(time.RFC3339)
	return map[string][2]string{
		`{"colour":"red"}`:         {"colour", "422"},
		`{"retry":{"times":3}}`:    {"retry.times", "422"},
		`{"priority":"high"}`:      {"priority", "422"},
		`{"priority":-1}`:          {"priority", "422"},
		`{"capabilities":["a b"]}`: {"capabilities", "422"},
		`{"capabilities":["` + strings.Repeat("x", 64) + `"]}`: {"capabilities", "422"},
		`{"deadline":"` + past + `"}`:                          {"deadline", "422"},
		`{"deadline":"tomorrow"}`:                              {"deadline", "422"},
		`{"lease_ms":1}`:                                       {"lease_ms", "422"},
		`{"retry":{"jitter":2}}`:                               {"retry.jitter", "422"},
		`{"labels":{"":"x"}}`:                                  {"labels", "422"},
		`[]`:                                                   {"", "422"},
	}
}

func testRefusals(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for body, want := range badSubmissions() {
		r := ask(t, m, "POST", "/v1/tasks", body)
		if r.status != 422 || r.problem.Field != want[0] || r.problem.Detail == "" || r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: %d %+v", body, r.status, r.problem)
		}
	}
	missing := "/v1/tasks/" + uuid.NewString()
	position := uuid.NewString() + ".1"
	for _, c := range []struct {
		method, path, body string
		status             int
		code, field        string
	}{
		{"POST", "/v1/tasks", `{`, 400, "malformed", ""},
		{"POST", "/v1/tasks", ``, 400, "malformed", ""},
		{"GET", missing, "", 404, "task_not_found", ""},
		{"GET", missing + "/events", "", 404, "task_not_found", ""},
		{"GET", missing + "/why", "", 404, "task_not_found", ""},
		{"POST", missing + "/cancel", "", 404, "task_not_found", ""},
		{"POST", missing + "/cancel", `{"id":"other"}`, 422, "invalid_field", "id"},
		{"POST", "/v1/tasks/abc/cancel", "", 422, "invalid_field", "id"},
		{"POST", "/v1/agents/" + uuid.NewString() + "/drain", "", 404, "agent_not_found", ""},
		{"POST", "/v1/agents", `{"name":"a b"}`, 422, "invalid_field", "name"},
		{"POST", "/v1/agents", `{}`, 422, "invalid_field", ""},
		{"GET", "/v1/agents/nobody-here", "", 404, "agent_not_found", ""},
		{"GET", "/v1/tasks?filter=colour:red", "", 422, "invalid_field", "filter"},
		{"GET", "/v1/tasks?limit=0", "", 422, "invalid_field", "limit"},
		{"GET", "/v1/tasks?page=2", "", 422, "invalid_field", "page"},
		{"GET", "/v1/tasks?cursor=x", "", 422, "invalid_field", "cursor"},
		{"GET", "/v1/tasks?after=" + position, "", 409, "other_log", "after"},
		{"GET", "/v1/tasks?after=x", "", 422, "invalid_field", "after"},
		{"GET", missing + "/events?cursor=x", "", 422, "invalid_field", "cursor"},
		{"GET", "/v1/events/0", "", 404, "event_not_found", ""},
		{"GET", "/v1/events/999999999", "", 404, "event_not_found", ""},
		{"GET", "/v1/events/x", "", 422, "invalid_field", "after"},
		{"GET", "/v1/artifacts/x", "", 422, "invalid_field", "digest"},
		{"GET", "/v1/artifacts/sha256:" + strings.Repeat("0", 64), "", 404, "not_found", ""},
		{"GET", "/v1/feed?after=" + position, "", 409, "other_log", "after"},
		{"GET", "/v1/nowhere", "", 404, "no_such_route", ""},
		{"DELETE", "/v1/tasks", "", 405, "method_not_allowed", ""},
		{"POST", "/v1/projections/nothing/rebuild", "", 404, "projection_not_found", ""},
		{"GET", "/v1/projections/nothing/parked", "", 404, "projection_not_found", ""},
		{"POST", "/v1/projections/tasks/retry", `{}`, 422, "invalid_field", ""},
	} {
		r := ask(t, m, c.method, c.path, c.body)
		if r.status != c.status || r.problem.Code != c.code || c.field != r.problem.Field {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, r.status, r.body)
		}
	}
}

func testRefusalsNATS(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	nc := agentConn(t, m)
	for body, want := range badSubmissions() {
		status, answer := request(t, nc, client.CommandSubject("default", m.Root, "task.submit"), body)
		var p client.Problem
		if err := json.Unmarshal([]byte(answer), &p); err != nil || status != want[1] || p.Field != want[0] {
			t.Errorf("%.60s: %s %s", body, status, answer)
		}
	}
	if status, answer := request(t, nc, client.CommandSubject("default", m.Root, "task.submit"), "{"); status != "422" || !strings.Contains(answer, "malformed") {
		t.Errorf("no JSON: %s %s", status, answer)
	}
	r := submit(t, m, client.SubmitRequest{})
	for verb, body := range map[string]string{
		"task.why": `{"id":"` + r.ID + `"}`, "task.cancel": `{"id":"` + r.ID + `"}`,
		"event.publish": `[{"specversion":"1.0","id":"n1","source":"/nats","type":"com.example.x"}]`,
	} {
		if status, answer := request(t, nc, client.CommandSubject("default", m.Root, verb), body); status != "" {
			t.Errorf("%s: %s %s", verb, status, answer)
		}
	}
}

func testTooLarge(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	text := func(n int) string { return `{"input":"` + strings.Repeat("x", n) + `"}` }
	for _, c := range []struct{ path, body string }{
		{"/v1/tasks", text(9 << 20)}, {"/v1/tasks", text(8<<20 + 1)}, {"/v1/agents", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`},
	} {
		if r := ask(t, m, "POST", c.path, c.body); r.status != 413 || r.problem.Code != "too_large" {
			t.Errorf("%s with %d bytes: %d %+v", c.path, len(c.body), r.status, r.problem)
		}
	}
}

func testCommandHeaders(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var r client.Receipt
	decode(t, ask(t, m, "POST", "/v1/tasks", `{"capabilities":["nobody"]}`, "X-Correlation-ID", "order-17", "traceparent", trace), &r)
	page, err := m.Client.TaskEvents(t.Context(), r.ID, "")
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("events: %+v, %v", page, err)
	}
	if e := page.Items[0]; e.Correlation != "order-17" || e.TraceParent != trace || e.Actor == "" || e.Position != r.Position {
		t.Errorf("event: %+v", e)
	}
	again := ask(t, m, "POST", "/v1/tasks", `{"capabilities":["nobody"]}`, "X-Correlation-ID", "two words")
	if again.status != 422 || again.problem.Field != "correlation" {
		t.Errorf("bad correlation: %d %s", again.status, again.body)
	}
	id := uuid.NewString()
	if got := ask(t, m, "GET", "/v1/version", "", "X-Request-ID", id).header.Get("X-Request-ID"); got != id {
		t.Errorf("request id %q", got)
	}
}
