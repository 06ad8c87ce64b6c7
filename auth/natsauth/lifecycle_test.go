package natsauth_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/embedded"
)

// TestExpiryDisconnects: the server closes the connection when its grant ends.
func TestExpiryDisconnects(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{Decide: func(context.Context, natsauth.Request) (natsauth.Grant, error) {
		g, err := natsauth.PrincipalGrant("t1", "a")
		g.Expires = time.Now().Add(2 * time.Second)
		return g, err
	}})
	closed := make(chan struct{})
	began := time.Now()
	_, told := r.dial(t, "any", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	select {
	case <-closed:
		if err := <-told; !errors.Is(err, nats.ErrAuthExpired) {
			t.Errorf("closed with %v", err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("closed after %v", took)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still connected")
	}
}

// TestExpiredGrantIsRefused: no connection lives on a grant that has ended.
func TestExpiredGrantIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{Decide: func(context.Context, natsauth.Request) (natsauth.Grant, error) {
		g, err := natsauth.PrincipalGrant("t1", "a")
		g.Expires = time.Now().Add(-time.Second)
		return g, err
	}})
	r.wantOut(t, "any")
}

// wantOut fails the test when a client with token is let in.
func (r *rig) wantOut(t *testing.T, token string) {
	t.Helper()
	nc, err := nats.Connect(r.server.URL(), nats.Token(token), nats.Timeout(time.Second))
	if err == nil {
		nc.Close()
		t.Error("let in")
	}
}

// TestDisconnectCuts: the connections of one principal are closed, and no
// others; one that may no longer connect stays out.
func TestDisconnectCuts(t *testing.T) {
	t.Parallel()
	revoked := make(chan struct{})
	r := start(t, natsauth.Config{Decide: func(ctx context.Context, q natsauth.Request) (natsauth.Grant, error) {
		select {
		case <-revoked:
			if strings.HasPrefix(q.Token, "ok t1 a") {
				return natsauth.Grant{}, errBadSecret
			}
		default:
		}
		return decide(ctx, q)
	}})
	begun := time.Now()
	closed := make(chan struct{}, 2)
	gone := nats.ClosedHandler(func(*nats.Conn) { closed <- struct{}{} })
	fast := nats.ReconnectWait(10 * time.Millisecond)
	r.dial(t, "ok t1 a", gone, fast)
	r.dial(t, "ok t1 a", gone, fast)
	others := make([]*nats.Conn, 0, 3)
	for _, token := range []string{"ok t1 b", "ok t2 a", "ok t1 aa"} {
		nc, _ := r.dial(t, token, nats.NoReconnect())
		others = append(others, nc)
	}
	close(revoked)
	user := natsauth.UserName("t1", "a")
	if n := r.server.Disconnect(time.Now(), func(u string) bool { return u == user }); n != 2 {
		t.Errorf("%d connections closed", n)
	}
	for range 2 {
		select {
		case <-closed: // the client gives up after it was refused twice
		case <-time.After(10 * time.Second):
			t.Fatal("not cut, or let in again")
		}
	}
	if n := r.server.Disconnect(begun, func(string) bool { return true }); n != 0 {
		t.Errorf("%d connections closed that were begun later", n)
	}
	for _, nc := range others {
		if err := nc.FlushWithContext(within(t)); err != nil {
			t.Errorf("another principal was cut: %v", err)
		}
	}
	probe := natsauth.UserName("probe", "probe") // the server may not have seen yet that it is closed
	if n := r.server.Disconnect(time.Now(), func(u string) bool { return u != probe }); n != len(others) || r.mesh.FlushWithContext(within(t)) != nil {
		t.Errorf("%d closed of the others, or the mesh itself was cut", n)
	}
}

// TestReconnectAfterServerRestart: clients come back by themselves, though the
// keys of the callout are new.
func TestReconnectAfterServerRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	callout := &embedded.Callout{Timeout: 2 * time.Second} // the server waits for those whom nobody answered before it stops
	first := answer(t, startServer(t, embedded.NATSConfig{Dir: dir, Callout: callout}), natsauth.Config{})
	u, err := url.Parse(first.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	back := make(chan struct{}, 1)
	nc, _ := first.dial(t, agentA, nats.Timeout(time.Second), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	first.stop()
	first.mesh.Close()
	if err := first.server.Stop(within(t)); err != nil {
		t.Fatal(err)
	}
	second := answer(t, startServer(t, embedded.NATSConfig{Dir: dir, Port: port}), natsauth.Config{})
	select {
	case <-back:
	case <-time.After(20 * time.Second):
		t.Fatal("not back")
	}
	heard, err := second.mesh.SubscribeSync("cmd.t1.a.beat")
	if err != nil {
		t.Fatal(err)
	}
	if err := second.mesh.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("cmd.t1.a.beat", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := heard.NextMsgWithContext(within(t)); err != nil {
		t.Error(err)
	}
}

// TestNobodyAnswers: without an answer nobody gets in, those who are in stay,
// and the mesh itself is not asked about.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	n := startServer(t, embedded.NATSConfig{Dir: t.TempDir(), Callout: &embedded.Callout{Timeout: time.Second}})
	r := answer(t, n, natsauth.Config{})
	in, _ := r.dial(t, agentA, nats.NoReconnect())
	r.stop()
	r.wantOut(t, agentA)
	if err := in.FlushWithContext(within(t)); err != nil {
		t.Errorf("the connection from before: %v", err)
	}
	again := answer(t, r.server, natsauth.Config{}) // connects as the mesh
	again.dial(t, agentA)
}
