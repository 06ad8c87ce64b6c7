package api_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

const mediaEvent = "application/cloudevents+json"

func testCloudEvents(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	post := func(body string) reply { return ask(t, m, "POST", "/v1/events", body, "Content-Type", mediaEvent) }
	body := `{"specversion":"1.0","id":"e1","source":"/shop","type":"com.example.paid","subject":"order-1","data":{"total":5}}`
	var first, second client.BatchResult
	decode(t, post(body), &first)
	decode(t, post(body), &second)
	if len(second.Results) != 1 || !second.Results[0].Repeat || second.Results[0].Position != first.Results[0].Position {
		t.Errorf("published twice: %+v then %+v", first, second)
	}
	for _, c := range []struct {
		body        string
		status      int
		code, field string
	}{
		{strings.Replace(body, "5", "6", 1), 409, "id_reused", "id"},
		{strings.Replace(body, "1.0", "0.3", 1), 422, "invalid_field", "specversion"},
		{strings.Replace(body, `"subject"`, `"colour"`, 1), 422, "invalid_field", "colour"},
		{`{"specversion":"1.0","id":"e2","source":"/shop"}`, 422, "invalid_field", ""},
	} {
		if r := post(c.body); r.status != c.status || r.problem.Code != c.code || r.problem.Field != c.field {
			t.Errorf("%s: %d %s", c.body, r.status, r.body)
		}
	}
	if r := ask(t, m, "POST", "/v1/events", body, "Content-Type", "application/json"); r.status != 415 {
		t.Errorf("plain JSON: %d %s", r.status, r.body)
	}
	rs, err := m.Client.Publish(t.Context(),
		client.CloudEvent{ID: "e1", Source: "/shop", Type: "com.example.paid", Subject: "order-1", Data: json.RawMessage(`{"total":5}`)},
		client.CloudEvent{ID: "e3", Source: "/shop", Type: "com.example.sent"},
		client.CloudEvent{ID: "", Source: "/shop", Type: "com.example.sent"})
	if err != nil || len(rs) != 3 {
		t.Fatalf("batch: %+v, %v", rs, err)
	}
	if !rs[0].Repeat || rs[1].Repeat || rs[1].Error != nil || rs[2].Error == nil || rs[2].Error.Field != "id" {
		t.Errorf("batch: %+v", rs)
	}
	ctx := within(t, 10*time.Second)
	page, err := m.Client.Events(ctx, client.ListOptions{Filter: "type:com.example.sent", After: rs[1].Position})
	if err != nil || len(page.Items) != 1 || page.Items[0].Source != "/shop" || page.Items[0].Data != nil {
		t.Fatalf("index: %+v, %v", page, err)
	}
	e, err := m.Client.Event(ctx, page.Items[0].Seq)
	if err != nil || e.Position != rs[1].Position || len(e.Data) == 0 || e.Kind != "ext" {
		t.Errorf("event: %+v, %v", e, err)
	}
	if r := ask(t, m, "GET", "/v1/events/"+rs[1].Position, ""); r.status != 200 {
		t.Errorf("by position: %d", r.status)
	}
}

func testArtifact(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	large, _ := json.Marshal(strings.Repeat("x", 300<<10))
	r := submit(t, m, client.SubmitRequest{Input: large})
	task, err := m.Client.Task(ctx, r.ID, r.Position)
	if err != nil || task.Input == nil || task.Input.Artifact == nil {
		t.Fatalf("task: %+v, %v", task.Input, err)
	}
	got, err := m.Client.Payload(ctx, task.Input)
	if err != nil || !bytes.Equal(got, large) {
		t.Errorf("artifact of %d bytes, %v", len(got), err)
	}
	whole, _ := json.Marshal(strings.Repeat("y", 8<<20-2))
	if _, err := m.Client.Submit(ctx, client.SubmitRequest{Capabilities: []string{"nobody"}, Input: whole}); err != nil {
		t.Errorf("an input of 8 MiB: %v", err)
	}
	nc := agentConn(t, m)
	if status, answer := request(t, nc, client.CommandSubject("default", m.Root, "artifact.get"), `{"digest":"`+task.Input.Artifact.Digest+`"}`); status != "" || answer != string(large) {
		t.Errorf("over NATS: %s, %d bytes", status, len(answer))
	}
}

func testShortIDs(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	r, err := m.Client.Submit(ctx, client.SubmitRequest{Capabilities: []string{"nobody"}, Key: "short"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Client.Task(ctx, r.ID, r.Position); err != nil {
		t.Fatal(err)
	}
	short := r.ID[:13]
	why, err := m.Client.Why(ctx, short)
	if err != nil || why.Task != r.ID || why.Summary == "" {
		t.Errorf("why: %+v, %v", why, err)
	}
	if page, err := m.Client.TaskEvents(ctx, short, ""); err != nil || len(page.Items) != 1 {
		t.Errorf("events: %+v, %v", page, err)
	}
	done, err := m.Client.Cancel(ctx, short, "")
	if err != nil || done.ID != r.ID {
		t.Errorf("cancel: %+v, %v", done, err)
	}
	// keyless ids are UUIDv7: made within one minute they begin alike
	a, b := submit(t, m, client.SubmitRequest{}), client.Receipt{}
	var raw client.Receipt
	decode(t, ask(t, m, "POST", "/v1/tasks", `{"capabilities":["nobody"]}`), &raw)
	decode(t, ask(t, m, "POST", "/v1/tasks", `{"capabilities":["nobody"]}`), &b)
	if _, err := m.Client.Task(ctx, b.ID, b.Position); err != nil {
		t.Fatal(err, a)
	}
	if r := ask(t, m, "POST", "/v1/tasks/"+b.ID[:6]+"/cancel", ""); r.status != 409 || !strings.Contains(r.problem.Detail, b.ID[:6]) {
		t.Errorf("ambiguous: %d %s", r.status, r.body)
	}
}

func testProjections(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	r := submit(t, m, client.SubmitRequest{Queue: "counted"})
	counts, err := m.Client.Counts(ctx, r.Position)
	if err != nil || len(counts.Now) == 0 || len(counts.Hourly) == 0 {
		t.Errorf("counts: %+v, %v", counts, err)
	}
	states, err := m.Client.Projections(ctx)
	if err != nil || len(states) < 3 {
		t.Errorf("states: %+v, %v", states, err)
	}
	if page, err := m.Client.Parked(ctx, "tasks", client.ListOptions{}); err != nil || len(page.Items) != 0 {
		t.Errorf("parked: %+v, %v", page, err)
	}
	if v, err := m.Client.Verify(ctx, "agents"); err != nil || !v.Equal || v.Live == "" {
		t.Errorf("verification: %+v, %v", v, err)
	}
	if r, err := m.Client.Rebuild(ctx, "agents"); err != nil || r.Position == "" {
		t.Errorf("rebuild: %+v, %v", r, err)
	}
	if _, err := m.Client.RetryParked(ctx, "tasks", "default/task/"+r.ID); err != nil {
		t.Errorf("retry: %v", err)
	}
	if _, err := m.Client.SkipParked(ctx, "tasks", "default/task/"+r.ID, 1, "a test"); err != nil {
		t.Errorf("skip: %v", err)
	}
	list := ask(t, m, "GET", "/v1/tasks?filter=queue:counted&after="+r.Position, "")
	if list.header.Get("X-Projection-Position") == "" || list.header.Get("X-Projection-Lag") == "" {
		t.Errorf("headers: %v", list.header)
	}
	page, err := m.Client.Tasks(ctx, client.ListOptions{Filter: "queue:counted", After: r.Position, Limit: 1})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != r.ID || page.Next != "" {
		t.Errorf("list: %+v, %v", page, err)
	}
}
