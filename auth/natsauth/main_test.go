package natsauth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBadSecret = errors.New("bad secret")

// decide knows everybody whose token is "ok <tenant> <principal>", optionally
// followed by an agent's id.
func decide(_ context.Context, r natsauth.Request) (natsauth.Grant, error) {
	parts := strings.Fields(r.Token)
	switch {
	case len(parts) == 3 && parts[0] == "ok":
		return natsauth.PrincipalGrant(parts[1], parts[2])
	case len(parts) == 4 && parts[0] == "ok":
		return natsauth.AgentGrant(parts[1], parts[2], parts[3])
	}
	return natsauth.Grant{}, errBadSecret
}

// rig is a server with its callout answered.
type rig struct {
	server *embedded.NATS
	mesh   *nats.Conn
	auth   *nats.Conn // what the callout is answered on
	stop   func()     // ends the answering
}

func startServer(t *testing.T, cfg embedded.NATSConfig) *embedded.NATS {
	t.Helper()
	if cfg.Callout == nil {
		cfg.Callout = &embedded.Callout{}
	}
	if cfg.Port == 0 {
		cfg.Port = -1
	}
	n, err := embedded.StartNATS(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n
}

// start runs a server in a directory of the test, and answers by cfg.Decide.
func start(t *testing.T, cfg natsauth.Config) *rig {
	t.Helper()
	return answer(t, startServer(t, embedded.NATSConfig{Dir: t.TempDir()}), cfg)
}

// answer serves the callout of n until the test ends or stop is called. It
// returns when the answers arrive.
func answer(t *testing.T, n *embedded.NATS, cfg natsauth.Config) *rig {
	t.Helper()
	mesh, err := n.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mesh.Close)
	auth, err := n.ConnectAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(auth.Close)
	cfg.NATS, cfg.Issuer, cfg.XKey = auth, n.Callout().Issuer, n.Callout().XKey
	if cfg.Decide == nil {
		cfg.Decide = decide
	}
	if cfg.Log.GetLevel() == zerolog.TraceLevel {
		cfg.Log = zerolog.Nop()
	}
	inner := cfg.Decide
	cfg.Decide = func(ctx context.Context, r natsauth.Request) (natsauth.Grant, error) {
		if r.Token == "probe" {
			return natsauth.PrincipalGrant("probe", "probe")
		}
		return inner(ctx, r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- natsauth.Serve(ctx, cfg) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	t.Cleanup(stop)
	// A connection that comes before there is anybody to ask would wait for its
	// whole time, and hold up the server's end.
	eventually(t, 20*time.Second, "somebody listens", func() bool { return auth.NumSubscriptions() > 0 })
	if err := auth.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(n.URL(), nats.Token("probe"), nats.Timeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	return &rig{server: n, mesh: mesh, auth: auth, stop: stop}
}

// dial connects over TCP. Refusals come on the channel.
func (r *rig) dial(t *testing.T, token string, opts ...nats.Option) (*nats.Conn, <-chan error) {
	t.Helper()
	refused := make(chan error, 16)
	all := []nats.Option{
		nats.Token(token), nats.Timeout(10 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }),
	}
	if parts := strings.Fields(token); len(parts) > 2 {
		all = append(all, nats.CustomInboxPrefix(natsauth.InboxPrefix(parts[1], parts[2])))
	}
	nc, err := nats.Connect(r.server.URL(), append(all, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, refused
}

// eventually polls until cond holds, and fails the test after limit.
func eventually(t *testing.T, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-tick.C {
		if cond() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

// within returns the test's context with a limit that no good run needs.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
