package api_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

const loadClients = 16

// How old the tokens of the load become, and how much longer than that the keys
// of tokens count: a busy machine takes its time for a request.
const (
	tokenLife = 500 * time.Millisecond
	keyMargin = 2500 * time.Millisecond
)

// twoNodes are two whole nodes on one NATS and one Postgres.
func twoNodes(t *testing.T) [2]*apitest.Mesh {
	t.Helper()
	a := apitest.Start(t, apitest.Config{})
	return [2]*apitest.Mesh{a, apitest.Start(t, apitest.Config{Peer: a})}
}

// TestRotationUnderLoad: people work on two nodes and refresh their tokens on
// either, while the signing keys rotate again and again. No request fails,
// nobody's refresh token is taken for a stolen one, and keys are retired when
// their overlap is over.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	const rotations = 6
	nodes := twoNodes(t)
	person(t, nodes[0], "rotating", longPassword, identity.RoleDeveloper)
	first := loginAt(t, nodes[0], "rotating")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load rotationLoad
	var running sync.WaitGroup
	for i := range loadClients {
		in := loginAt(t, nodes[i%2], "rotating")
		running.Go(func() { load.work(ctx, t, nodes, in, i) })
	}
	for i := range rotations {
		done := load.requests.Load()
		apitest.Eventually(t, func() bool { return load.requests.Load() > done+40*loadClients || t.Failed() })
		rotate(t, nodes, i, tokenLife+keyMargin)
	}
	set := nodes[0].Directory.Keyset()
	for _, m := range nodes { // every key but the current one is over in the end
		apitest.Eventually(t, func() bool {
			keys := 0
			for id := range set.Keys {
				if _, ok := m.Directory.Keyset().Key(id, time.Now()); ok {
					keys++
				}
			}
			return keys == 1 || t.Failed()
		})
		_, err := m.NewClient(t, first.AccessToken).WhoAmI(t.Context())
		wantCode(t, err, "token_invalid")
	}
	stop()
	running.Wait()
	t.Logf("%d rotations: %d requests, %d refreshes and %d new sessions on two nodes, none failed",
		rotations, load.requests.Load(), load.refreshes.Load(), load.sessions.Load())
}

func loginAt(t *testing.T, m *apitest.Mesh, name string) client.Tokens {
	t.Helper()
	in, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: name, Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// rotate rotates the keys once, by command at the first node, or as the
// schedule does: at all nodes at once, where one is the first.
func rotate(t *testing.T, nodes [2]*apitest.Mesh, i int, overlap time.Duration) {
	t.Helper()
	before := nodes[0].Directory.Keyset().Current
	if i%2 == 0 {
		ms := overlap.Milliseconds()
		if _, err := nodes[0].Client.RotateSigningKeys(t.Context(), client.RotateKeysRequest{OverlapMS: &ms}); err != nil {
			t.Error(err)
		}
		return
	}
	system := domain.Actor{Tenant: domain.DefaultTenant, ID: commands.SystemActor, Kind: domain.System}
	won := make(chan error, len(nodes))
	for _, m := range nodes {
		go func() {
			_, err := m.Login.Rotate(t.Context(), system, commands.Meta{}, overlap)
			won <- err
		}()
	}
	if a, b := <-won, <-won; a != nil && b != nil {
		t.Errorf("nobody rotated: %v, %v", a, b)
	}
	apitest.Eventually(t, func() bool { return nodes[0].Directory.Keyset().Current != before })
}

// rotationLoad counts what was asked.
type rotationLoad struct{ requests, refreshes, sessions atomic.Int64 }

// work asks both nodes in turn, and changes its token every 25 requests or when
// it is old, now by refreshing it, now by another session. Whatever one node has given, the other
// one is the first to see.
func (l *rotationLoad) work(stopped context.Context, t *testing.T, nodes [2]*apitest.Mesh, in client.Tokens, i int) {
	ctx, access := context.WithoutCancel(stopped), in.AccessToken
	var anon, own [2]*client.Client
	for at, m := range nodes {
		anon[at] = m.NewClient(t, "")
		own[at] = sourced(t, m, func(context.Context) (string, error) { return access, nil })
	}
	since, changes := time.Now(), 0
	for n, at := 0, i%2; stopped.Err() == nil; n, at = n+1, 1-at {
		var err error
		age := time.Since(since)
		due := n%25 == 24 || age > tokenLife
		if due {
			since, changes = time.Now(), changes+1
		}
		switch {
		case due && changes%2 == 1:
			in, err = anon[at].Refresh(ctx, in.RefreshToken)
			access = in.AccessToken
			l.refreshes.Add(1)
		case due:
			var other client.Tokens
			other, err = own[at].Exchange(ctx, client.ExchangeRequest{})
			access = other.AccessToken
			l.sessions.Add(1)
		case n%10 == 8:
			_, err = own[at].Submit(ctx, client.SubmitRequest{Capabilities: []string{fmt.Sprint("nobody-", i)}})
		default:
			_, err = own[at].WhoAmI(ctx)
		}
		if err != nil {
			t.Errorf("client %d, request %d by a token of %v: %+v", i, n, age, err)
			return
		}
		l.requests.Add(1)
	}
}

// sourced returns a client of a node whose credential changes.
func sourced(t *testing.T, m *apitest.Mesh, source client.Source) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: m.URL, Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
