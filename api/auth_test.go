package api_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/eventstore"
)

func testAuthentication(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json"} {
		if r := ask(t, m, "GET", path, "", "Authorization", ""); r.status != 200 {
			t.Errorf("%s without a credential: %d", path, r.status)
		}
	}
	for _, path := range []string{"/v1/tasks", "/v1/feed", "/metrics", "/v1/nothing"} {
		for header, code := range map[string]string{
			"":                      "no_credential",
			"Basic " + m.Token:      "no_credential",
			"Bearer mesh_wrong":     "bad_credential",
			"Bearer x" + m.Token:    "bad_credential",
			"Bearer " + m.Token[5:]: "bad_credential",
		} {
			r := ask(t, m, "GET", path, "", "Authorization", header)
			if r.status != 401 || r.problem.Code != code || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q: %d %+v", path, header, r.status, r.problem)
			}
		}
	}
}

func testAuthenticationNATS(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	for _, token := range []string{"", "mk_wrong", m.Token + "x", m.Token[:len(m.Token)-1]} {
		if nc, err := nats.Connect(m.Server.URL(), nats.Token(token)); err == nil {
			nc.Close()
			t.Errorf("token %q: let in", token)
		}
	}
	nc := agentConn(t, m)
	refused := make(chan error, 1)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })
	for _, subject := range []string{
		client.CommandSubject("other", m.Root, "task.submit"), client.CommandSubject("default", uuid.NewString(), "task.submit"),
		"ev.default.task.x", "$JS.API.STREAM.PURGE.EVENTS",
	} {
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if status, _ := request(t, nc, client.CommandSubject("default", m.Root, "task.destroy"), `{}`); status != "404" {
		t.Errorf("unknown command: %s", status)
	}
}

// testAnswersStayAtHome sends a command that wants its answer in the log: the
// mesh may write there, and does not.
func testAnswersStayAtHome(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	target := eventstore.Entity{Tenant: "default", Kind: "task", ID: uuid.NewString()}
	nc := agentConn(t, m)
	for _, reply := range []string{"ev.default.task." + target.ID, "_MESH.x", client.InboxPrefix("default", uuid.NewString()) + ".x"} {
		if err := nc.PublishRequest(client.CommandSubject("default", m.Root, "task.destroy"), reply, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := request(t, nc, client.CommandSubject("default", m.Root, "task.destroy"), `{}`); status != "404" { // served after them
		t.Errorf("unknown command: %s", status)
	}
	if written, err := m.Store.History(t.Context(), target, 0); err != nil || len(written) > 0 {
		t.Errorf("the log got %d answers, %v", len(written), err)
	}
}

// agentConn connects to NATS as root's programs do.
func agentConn(t *testing.T, m *apitest.Mesh) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(m.Server.URL(), nats.Token(m.Token), nats.CustomInboxPrefix(client.InboxPrefix("default", m.Root)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// request sends a NATS request and returns the status of its refusal, empty
// for none, and the body.
func request(t *testing.T, nc *nats.Conn, subject, body string) (status, answer string) {
	t.Helper()
	res, err := nc.Request(subject, []byte(body), 20*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return res.Header.Get(client.HeaderError), string(res.Data)
}
