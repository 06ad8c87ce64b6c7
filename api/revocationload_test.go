package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// inForce is how long after the answer to a revocation a request may begin
// that is still accepted somewhere.
const inForce = time.Second

// victim is somebody whose credential is used by many at once.
type victim struct {
	id, credential, key, session, token string
}

// revocation takes something from a victim, at a node.
type revocation func(ctx context.Context, m *apitest.Mesh, v victim) error

// TestRevocationUnderLoad: a credential is used at two nodes by sixteen clients
// at once, and on feeds and connections to NATS, and is then revoked at one of
// the nodes. It is refused everywhere within a second, for good, and what is
// open is cut.
func TestRevocationUnderLoad(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	for _, c := range []struct {
		name   string
		at     int // the node that revokes
		key    bool
		revoke revocation
	}{
		{"token", 0, false, func(ctx context.Context, m *apitest.Mesh, v victim) error {
			_, err := m.Commands.RevokeToken(ctx, root(m), commands.Meta{}, v.id, v.token, time.Now().Add(time.Hour))
			return err
		}},
		{"session", 0, false, func(ctx context.Context, m *apitest.Mesh, v victim) error {
			_, err := m.Client.EndSession(ctx, v.id, v.session, "test")
			return err
		}},
		{"all tokens", 0, false, func(ctx context.Context, m *apitest.Mesh, v victim) error {
			_, err := m.Client.RevokeTokens(ctx, v.id, "test")
			return err
		}},
		{"principal", 0, false, suspend},
		{"principal at the other node", 1, true, suspend},
		{"API key", 0, true, func(ctx context.Context, m *apitest.Mesh, v victim) error {
			_, err := m.Client.RemoveCredential(ctx, v.id, v.key, "test")
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) { // one after another: each has the load for itself
			revokeUnderLoad(t, nodes, c.at, c.key, c.revoke)
		})
	}
}

func suspend(ctx context.Context, m *apitest.Mesh, v victim) error {
	_, err := m.Client.SuspendPrincipal(ctx, v.id, "test")
	return err
}

func revokeUnderLoad(t *testing.T, nodes [2]*apitest.Mesh, at int, byKey bool, revoke revocation) {
	t.Helper()
	v := newVictim(t, nodes[0], byKey)
	open := holdOpen(t, nodes, v)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	users := make([]*user, loadClients)
	var running sync.WaitGroup
	for i := range users {
		node := i * 2 / loadClients
		u := &user{node: node, client: nodes[node].NewClient(t, v.credential)}
		users[i] = u
		running.Go(func() { u.work(ctx, t) })
	}
	apitest.Eventually(t, func() bool {
		return t.Failed() || !slices.ContainsFunc(users, func(u *user) bool { return u.accepted.Load() < 20 })
	})
	r := revoked{asked: time.Now()}
	if err := revoke(t.Context(), nodes[at], v); err != nil {
		t.Fatal(err)
	}
	r.answered = time.Now()
	apitest.Eventually(t, func() bool { return time.Since(r.answered) > inForce+inForce/8 })
	stop()
	running.Wait()
	for node, name := range []string{"requests to node A", "requests to node B"} {
		var last []time.Time
		var accepted, refused int64
		for _, u := range users[node*loadClients/2 : (node+1)*loadClients/2] {
			last = append(last, u.last)
			accepted, refused = accepted+u.accepted.Load(), refused+u.refused
			if u.refused == 0 {
				t.Errorf("%s: a client was never refused", name)
			}
		}
		r.check(t, name, last)
		t.Logf("%s: %d accepted, %d refused", name, accepted, refused)
	}
	for what, cuts := range open {
		var last []time.Time
		for _, cut := range cuts {
			select {
			case at := <-cut:
				last = append(last, at)
			case <-time.After(5 * time.Second):
				t.Errorf("%s: still open", what)
			}
		}
		r.check(t, what, last)
	}
}

// revoked is when something was revoked.
type revoked struct{ asked, answered time.Time }

// check logs when the last things were accepted, and that it was soon enough.
func (r revoked) check(t *testing.T, what string, last []time.Time) {
	t.Helper()
	if len(last) == 0 {
		return
	}
	slices.SortFunc(last, time.Time.Compare)
	p50, most := last[len(last)/2], last[len(last)-1]
	t.Logf("%s: over %.1f ms (p50), %.1f ms (max of %d) after the revocation began, which took %.1f ms",
		what, millis(p50.Sub(r.asked)), millis(most.Sub(r.asked)), len(last), millis(r.answered.Sub(r.asked)))
	if late := most.Sub(r.answered); late > inForce {
		t.Errorf("%s: over only %v after the answer, want at most %v", what, late, inForce)
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// newVictim makes a person, and the credential that is used: an API key, or an
// access token got by it.
func newVictim(t *testing.T, m *apitest.Mesh, byKey bool) victim {
	t.Helper()
	var v victim
	v.id, v.credential = makePrincipal(t, m, "default", domain.Human, "victim-"+strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:]), identity.RoleDeveloper)
	p, _ := m.Directory.Principal(identity.Ref{Tenant: "default", ID: v.id})
	for id := range p.Credentials {
		v.key = id
	}
	if byKey {
		return v
	}
	in, err := m.NewClient(t, v.credential).Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	v.credential, v.session = in.AccessToken, in.Session
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(in.AccessToken, ".")[1])
	var named struct {
		ID string `json:"jti"`
	}
	if err = errors.Join(err, json.Unmarshal(claims, &named)); err != nil || named.ID == "" {
		t.Fatalf("%s: %v", claims, err)
	}
	v.token = named.ID
	return v
}

// holdOpen opens feeds at both nodes and connections to NATS, and returns what
// tells when each of them ends.
func holdOpen(t *testing.T, nodes [2]*apitest.Mesh, v victim) map[string][]<-chan time.Time {
	t.Helper()
	open := map[string][]<-chan time.Time{}
	for range 4 {
		for i, what := range []string{"feeds of node A", "feeds of node B"} {
			ended := watchFeed(t, nodes[i], v.credential)
			cut := make(chan time.Time, 1)
			go func() { <-ended; cut <- time.Now() }()
			open[what] = append(open[what], cut)
		}
		cut := make(chan time.Time, 1)
		nc, _ := dial(t, nodes[0], v.credential, v.id, nats.ClosedHandler(func(*nats.Conn) { cut <- time.Now() }))
		open["NATS"] = append(open["NATS"], cut)
		go func() { // commands, until it is cut
			for !nc.IsClosed() {
				_, _ = nc.Request(client.CommandSubject("default", v.id, "task.submit"), []byte(`{"capabilities":["nobody"]}`), 10*time.Second)
			}
		}()
	}
	return open
}

// user uses a credential at one node, one request after another.
type user struct {
	node     int
	client   *client.Client
	accepted atomic.Int64
	refused  int64
	last     time.Time // when the last request began that was accepted
}

func (u *user) work(stopped context.Context, t *testing.T) {
	ctx := context.WithoutCancel(stopped)
	for n := 0; stopped.Err() == nil; n++ {
		began := time.Now()
		var err error
		if n%10 == 9 {
			_, err = u.client.Submit(ctx, client.SubmitRequest{Capabilities: []string{"nobody"}})
		} else {
			_, err = u.client.WhoAmI(ctx)
		}
		var e *client.Error
		switch {
		case err == nil && u.refused > 0:
			t.Errorf("node %d: accepted again after it was refused", u.node)
			return
		case err == nil:
			u.last = began
			u.accepted.Add(1)
		case errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden): // who was let in just before may do nothing
			u.refused++
		default:
			t.Errorf("node %d: %+v", u.node, err)
			return
		}
	}
}
