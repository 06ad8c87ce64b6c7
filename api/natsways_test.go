package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func wantOut(t *testing.T, m *apitest.Mesh, what, credential string, opts ...nats.Option) {
	t.Helper()
	nc, err := nats.Connect(m.Server.URL(), append(opts, nats.Token(credential), nats.Timeout(10*time.Second))...)
	if err == nil {
		nc.Close()
		t.Errorf("%s: let in", what)
	} else if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("%s: %v", what, err)
	}
}

func testConnectionNames(t *testing.T, m *apitest.Mesh, a, b joined) {
	t.Helper()
	_, person := makePrincipal(t, m, "default", domain.Human, "namer", identity.RoleDeveloper)
	_, viewer := makePrincipal(t, m, "default", domain.Human, "name-viewer", identity.RoleViewer)
	wantOut(t, m, "agent A by the name of B", a.token, asAgent(b.id))
	wantOut(t, m, "a developer by the name of an agent of another", person, asAgent(b.id))
	wantOut(t, m, "a viewer as an agent", viewer, asAgent(a.id))
	for _, name := range []string{"*", ">", a.id + ".>", a.id + " " + b.id, "", " " + b.id} {
		wantOut(t, m, "the name "+name, a.token, asAgent(name))
	}
}

func testLimitedOnNATS(t *testing.T, m *apitest.Mesh, a, _ joined) {
	t.Helper()
	id, key := makePrincipal(t, m, "default", domain.Human, "limited-wire", identity.RoleDeveloper)
	scoped, _ := makeKey(t, m, "default", id, identity.Credential{Scopes: []string{"task.read"}})
	far, _ := makeKey(t, m, "default", id, identity.Credential{Networks: []string{"10.0.0.0/8"}})
	near, _ := makeKey(t, m, "default", id, identity.Credential{Networks: []string{"127.0.0.0/8", "::1/128"}})
	wantOut(t, m, "a scoped key", scoped)
	wantOut(t, m, "a key from a wrong network", far)
	dial(t, m, near, id)
	narrow, err := m.NewClient(t, scoped).Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantOut(t, m, "the access token of a scoped key", narrow.AccessToken)
	given, err := m.NewClient(t, key).Delegate(t.Context(), client.DelegateRequest{Agent: a.id, Scope: []string{"event.publish"}})
	if err != nil {
		t.Fatal(err)
	}
	wantOut(t, m, "a delegated token", given.AccessToken)
	wantOut(t, m, "a delegated token of the agent", given.AccessToken, asAgent(a.id))
}

func testSuspensionCutsNATS(t *testing.T, m *apitest.Mesh, _, _ joined) {
	t.Helper()
	id, key := makePrincipal(t, m, "default", domain.Human, "cut", identity.RoleDeveloper)
	closed := make(chan time.Time, 2)
	gone := nats.ClosedHandler(func(*nats.Conn) { closed <- time.Now() })
	dial(t, m, key, id, gone)
	in, err := m.NewClient(t, key).Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	dial(t, m, in.AccessToken, id, gone)
	began := time.Now()
	if _, err := m.Commands.SuspendPrincipal(t.Context(), root(m), commands.Meta{}, id, "test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case at := <-closed:
			t.Logf("cut after %v", at.Sub(began))
			if at.Sub(began) > time.Second {
				t.Errorf("cut after %v, want at most 1s", at.Sub(began))
			}
		case <-time.After(20 * time.Second):
			t.Fatal("still connected")
		}
	}
	wantOut(t, m, "the key of a suspended principal", key)
	wantOut(t, m, "the access token of a suspended principal", in.AccessToken)
}

func testExpiryCutsNATS(t *testing.T, m *apitest.Mesh, a, _ joined) {
	t.Helper()
	id, _ := makePrincipal(t, m, "default", domain.Human, "expiring", identity.RoleDeveloper)
	ends := time.Now().Add(2 * time.Second)
	key, _ := makeKey(t, m, "default", id, identity.Credential{ExpiresAt: ends})
	closed := make(chan struct{})
	dial(t, m, key, id, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	select {
	case <-closed:
		if late := time.Since(ends); late > 2*time.Second {
			t.Errorf("closed %v after the key's end", late)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still connected")
	}
	wantOut(t, m, "an expired key", key)
	// An access token lives too long for a test: its end is in what the server is told.
	grant, err := m.API.Connect(context.Background(), natsauth.Request{Token: a.token, Name: client.AgentConnection + a.id})
	if left := time.Until(grant.Expires); err != nil || left <= 0 || left > 15*time.Minute {
		t.Errorf("the grant of an access token ends in %v, %v", left, err)
	}
}
