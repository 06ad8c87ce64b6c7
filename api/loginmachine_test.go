package api_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func testDelegation(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "frank", longPassword, identity.RoleDeveloper)
	anon := m.NewClient(t, "")
	in, err := anon.Login(t.Context(), client.LoginRequest{Login: "frank", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := client.Join(t.Context(), anon, invite(t, m, domain.Agent, "helper"), "")
	if err != nil {
		t.Fatal(err)
	}
	frank := m.NewClient(t, in.AccessToken)
	given, err := frank.Delegate(t.Context(), client.DelegateRequest{Agent: pair.Principal, Scope: []string{"task.submit", "event.publish"}})
	if err != nil {
		t.Fatal(err)
	}
	helper := m.NewClient(t, given.AccessToken)
	_, err = helper.Submit(t.Context(), client.SubmitRequest{Capabilities: []string{"x"}})
	wantCode(t, err, "denied") // the agent itself may not submit: delegation only narrows
	_, err = helper.Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "denied") // out of the scope
	if _, err := helper.Publish(t.Context(), client.CloudEvent{SpecVersion: "1.0", ID: "1", Source: "/frank", Type: "x.happened"}); err != nil {
		t.Errorf("what both may do: %v", err)
	}
	wantCode(t, helper.ChangePassword(t.Context(), client.PasswordRequest{New: longPassword}), "denied")
	records, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := records; seq > 0; seq-- {
		r, err := m.Store.Get(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == "x.happened" {
			if r.Actor != pair.Principal || r.For == "" || r.For == r.Actor {
				t.Errorf("the event has actor %s for %s", r.Actor, r.For)
			}
			break
		}
	}
}

func testExchange(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	in, err := m.Client.Exchange(t.Context(), client.ExchangeRequest{Scope: []string{"task.*"}})
	if err != nil {
		t.Fatal(err)
	}
	narrow := m.NewClient(t, in.AccessToken)
	if _, err := narrow.Tasks(t.Context(), client.ListOptions{}); err != nil {
		t.Error(err)
	}
	_, err = narrow.Agents(t.Context(), client.ListOptions{})
	wantCode(t, err, "denied")
	_, err = narrow.Exchange(t.Context(), client.ExchangeRequest{Scope: []string{"agent.read"}})
	wantCode(t, err, "invalid_field")
}

func testAgentByKeyPair(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	anon := m.NewClient(t, "")
	join := invite(t, m, domain.Agent, "worker-a")
	anybodys := base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 31)...)) // the neutral point
	_, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: join, PublicKey: anybodys})
	wantCode(t, err, "invalid_field")
	a, err := client.Join(t.Context(), anon, join, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Join(t.Context(), anon, join, "")
	wantCode(t, err, "invitation_invalid")
	b, err := client.Join(t.Context(), anon, invite(t, m, domain.Agent, "worker-b"), "")
	if err != nil {
		t.Fatal(err)
	}
	ca, cb := keyClient(t, m, a), keyClient(t, m, b)
	_, err = ca.Register(t.Context(), client.RegisterRequest{Name: "worker-b", Capacity: 1})
	wantCode(t, err, "invalid_field")
	_, err = ca.Submit(t.Context(), client.SubmitRequest{Capabilities: []string{"x"}})
	wantCode(t, err, "denied")
	regB, err := cb.Register(t.Context(), client.RegisterRequest{Name: "worker-b", Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ca.LeaveAgent(t.Context(), regB.ID)
	wantCode(t, err, "denied")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	started := make(chan struct{}, 1)
	go func() {
		done <- ca.RunAgent(ctx, client.AgentConfig{
			Register: client.RegisterRequest{Name: "worker-a", Capabilities: []string{"kp"}, Capacity: 2},
			Handler: func(context.Context, *client.Work) (any, error) {
				started <- struct{}{}
				return "done", nil
			},
		})
	}()
	task, err := m.Client.Submit(t.Context(), client.SubmitRequest{Capabilities: []string{"kp"}})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	if got, err := m.Client.Wait(t.Context(), task.ID); err != nil || got.Status != "completed" {
		t.Errorf("%+v, %v", got, err)
	}
	stop()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// keyClient is a client that logs in by a key pair.
func keyClient(t *testing.T, m *apitest.Mesh, pair client.KeyPair) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: m.URL, Source: pair.Source(m.NewClient(t, ""))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func testRevocationCuts(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id := person(t, m, "heidi", longPassword, identity.RoleDeveloper)
	in, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "heidi", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	feed := watchFeed(t, m, in.AccessToken)
	closed := make(chan struct{})
	nc, err := nats.Connect(m.Server.URL(), nats.Token(in.AccessToken), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	began := time.Now()
	if _, err := m.Commands.SuspendPrincipal(t.Context(), root(m), commands.Meta{}, id, "test"); err != nil {
		t.Fatal(err)
	}
	_, err = m.NewClient(t, in.AccessToken).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "bad_credential")
	for name, end := range map[string]<-chan struct{}{"feed": feed, "NATS": closed} {
		select {
		case <-end:
		case <-time.After(20 * time.Second):
			t.Errorf("%s is still open", name)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Logf("cut after %v", took)
	}
}

// watchFeed follows the log and returns what is closed when the feed ends.
func watchFeed(t *testing.T, m *apitest.Mesh, token string) <-chan struct{} {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL+"/v1/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("open feed: %v %v", res, err)
	}
	ended := make(chan struct{})
	lines := bufio.NewScanner(res.Body)
	lines.Scan()
	go func() {
		defer close(ended)
		defer res.Body.Close()
		for lines.Scan() {
		}
	}()
	return ended
}

func testRotation(t *testing.T, _ *apitest.Mesh) {
	t.Helper()
	m := apitest.Start(t, apitest.Config{}) // tokens of others do not survive it
	before, err := m.Client.Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	old := m.Directory.Keyset().Current
	if _, err := m.Login.Rotate(t.Context(), root(m), commands.Meta{}, time.Hour); err != nil {
		t.Fatal(err)
	}
	after, err := m.Client.Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{before.AccessToken, after.AccessToken} {
		if _, err := m.NewClient(t, token).Tasks(t.Context(), client.ListOptions{}); err != nil {
			t.Error(err)
		}
	}
	set := ask(t, m, "GET", "/.well-known/jwks.json", "", "Authorization", "")
	if body := string(set.body); set.status != 200 || !strings.Contains(body, old) || !strings.Contains(body, m.Directory.Keyset().Current) {
		t.Errorf("%d %s", set.status, set.body)
	}
	if _, err := m.Commands.RetireKey(t.Context(), root(m), commands.Meta{}, old, "stolen"); err != nil {
		t.Fatal(err)
	}
	_, err = m.NewClient(t, before.AccessToken).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "token_invalid")
}
