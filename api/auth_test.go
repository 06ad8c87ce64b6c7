package api_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
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
	nc := agentConn(t, m)
	for token, want := range map[string]string{"": "401", "mesh_wrong": "401"} {
		if status, _ := request(t, nc, client.CommandSubject("default", "task.why"), token, `{"id":"x"}`); status != want {
			t.Errorf("token %q: %s", token, status)
		}
	}
	if status, _ := request(t, nc, client.CommandSubject("other", "task.submit"), m.Token, `{}`); status != "403" {
		t.Errorf("another tenant: %s", status)
	}
	if status, _ := request(t, nc, client.CommandSubject("default", "task.destroy"), m.Token, `{}`); status != "404" {
		t.Errorf("unknown command: %s", status)
	}
}

// agentConn connects to NATS as agents do.
func agentConn(t *testing.T, m *apitest.Mesh) *nats.Conn {
	t.Helper()
	user, password := m.Server.AgentUser()
	nc, err := nats.Connect(m.Server.URL(), nats.UserInfo(user, password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// request sends a NATS request and returns the status of its refusal, empty
// for none, and the body.
func request(t *testing.T, nc *nats.Conn, subject, token, body string) (status, answer string) {
	t.Helper()
	m := nats.NewMsg(subject)
	m.Header.Set(client.HeaderToken, token)
	m.Data = []byte(body)
	res, err := nc.RequestMsg(m, 20*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return res.Header.Get(client.HeaderError), string(res.Data)
}
