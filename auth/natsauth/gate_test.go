package natsauth_test

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/auth/natsauth"
)

// letIn grants whoever asks.
func letIn(context.Context, natsauth.Request) (natsauth.Grant, error) {
	return natsauth.PrincipalGrant("t1", "a")
}

func TestGateLetsEverybodyWait(t *testing.T) {
	t.Parallel()
	g := natsauth.NewGate()
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.Decide(short, natsauth.Request{}); err == nil {
		t.Error("let in before there was anybody to ask")
	}
	answers := make(chan error, 3)
	for range cap(answers) {
		go func() {
			_, err := g.Decide(t.Context(), natsauth.Request{})
			answers <- err
		}()
	}
	select {
	case err := <-answers:
		t.Fatalf("answered before the gate was opened: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	g.Open(letIn)
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	g.Close()
	if _, err := g.Decide(t.Context(), natsauth.Request{}); err == nil {
		t.Error("let in after the gate was closed")
	}
}

// TestWaitingClientHearsNothing: until it is let in, a client hears nothing but
// the server's INFO. A PING, which the server otherwise sends after two
// seconds, would have it give up and come again, in a fleet again and again.
func TestWaitingClientHearsNothing(t *testing.T) {
	t.Parallel()
	g := natsauth.NewGate()
	r := start(t, natsauth.Config{Decide: g.Decide})
	address, err := url.Parse(r.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewReader(conn)
	if info, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(info, "INFO ") {
		t.Fatalf("%q, %v", info, err)
	}
	if _, err := conn.Write([]byte("CONNECT {\"verbose\":false,\"auth_token\":\"any\",\"lang\":\"go\",\"version\":\"1\"}\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil { // the ping comes after 2 to 2.4 s
		t.Fatal(err)
	}
	if line, err := lines.ReadString('\n'); err == nil {
		t.Fatalf("the server said %q to a client that waits", line)
	}
	g.Open(letIn)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if line, err := lines.ReadString('\n'); err != nil || line != "PONG\r\n" {
		t.Errorf("let in, it heard %q, %v", line, err)
	}
}

// TestClosedGateRefuses: a mesh that goes away lets nobody wait.
func TestClosedGateRefuses(t *testing.T) {
	t.Parallel()
	g := natsauth.NewGate()
	r := start(t, natsauth.Config{Decide: g.Decide})
	g.Close()
	if nc, err := nats.Connect(r.server.URL(), nats.Token("any"), nats.Timeout(10*time.Second)); err == nil {
		nc.Close()
		t.Error("let in")
	}
}
