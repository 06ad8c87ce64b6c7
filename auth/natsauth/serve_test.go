package natsauth_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/auth/natsauth"
)

// TestEmptyGrantMayDoNothing: the server reads an empty list as "all".
func TestEmptyGrantMayDoNothing(t *testing.T) {
	t.Parallel()
	r := start(t, natsauth.Config{Decide: func(context.Context, natsauth.Request) (natsauth.Grant, error) {
		return natsauth.Grant{Tenant: "t1", ID: "a"}, nil
	}})
	nc, refused := r.dial(t, "any")
	if err := nc.Publish("ev.t1.task.1", nil); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, refused)
	for _, subject := range []string{">", "x", "_INBOX.t1.a.x"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, refused)
	}
}

// TestDecideSeesWhatWasPresented.
func TestDecideSeesWhatWasPresented(t *testing.T) {
	t.Parallel()
	seen := make(chan natsauth.Request, 2)
	r := start(t, natsauth.Config{Decide: func(_ context.Context, q natsauth.Request) (natsauth.Grant, error) {
		seen <- q
		return natsauth.PrincipalGrant("t1", "a")
	}})
	r.dial(t, "secret", nats.Name("agent x"))
	nc, err := nats.Connect(r.server.URL(), nats.UserInfo("me", "secret"), nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	want := []natsauth.Request{
		{Token: "secret", Name: "agent x", ClientAddr: "127.0.0.1", ClientKind: "nats"},
		{User: "me", Password: "secret", ClientAddr: "127.0.0.1", ClientKind: "nats"},
	}
	if diff := cmp.Diff(want, []natsauth.Request{<-seen, <-seen}); diff != "" {
		t.Error(diff)
	}
}

// TestBadDecisionsRefuse: an error, a panic, and grants that are none.
func TestBadDecisionsRefuse(t *testing.T) {
	t.Parallel()
	var out syncBuffer
	r := start(t, natsauth.Config{
		Log: zerolog.New(&out).Level(zerolog.DebugLevel),
		Decide: func(_ context.Context, q natsauth.Request) (natsauth.Grant, error) {
			g := natsauth.Grant{Tenant: "t1", ID: "a", Publish: []string{"x"}, Subscribe: []string{"x"}}
			switch {
			case strings.HasSuffix(q.Token, "error"):
				return g, errors.New("reason for the log")
			case strings.HasSuffix(q.Token, "panic"):
				panic("oops")
			case strings.HasSuffix(q.Token, "nobody"):
				g.ID = ""
			case strings.HasSuffix(q.Token, "tenant"):
				g.Tenant = "t.1"
			case strings.HasSuffix(q.Token, "subject"):
				g.Publish = []string{"a..b"}
			}
			return g, nil
		},
	})
	r.dial(t, "s3cret-good")
	for _, fault := range []string{"error", "panic", "nobody", "tenant", "subject"} {
		nc, err := nats.Connect(r.server.URL(), nats.Token("s3cret-"+fault), nats.Timeout(10*time.Second))
		if err == nil {
			nc.Close()
		}
		if !errors.Is(err, nats.ErrAuthorization) || strings.Contains(err.Error(), "reason") {
			t.Errorf("%s: %v", fault, err)
		}
	}
	for _, want := range []string{"reason for the log", "oops", "127.0.0.1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q: %s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "s3cret") {
		t.Errorf("the log has a secret: %s", out.String())
	}
}

// TestSlotsBoundDecisions: no more decisions at once than slots; the others
// wait, and all are made.
func TestSlotsBoundDecisions(t *testing.T) {
	t.Parallel()
	const slots, clients = 3, 24
	var now, most atomic.Int32
	release := make(chan struct{})
	r := start(t, natsauth.Config{Slots: slots, Decide: func(ctx context.Context, q natsauth.Request) (natsauth.Grant, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return decide(ctx, q)
	}})
	asked := r.auth.Stats().InMsgs
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			nc, err := nats.Connect(r.server.URL(), nats.Token(agentA), nats.Timeout(20*time.Second))
			if err != nil {
				t.Error(err)
				return
			}
			nc.Close()
		})
	}
	eventually(t, 20*time.Second, "all are asked about", func() bool {
		return r.auth.Stats().InMsgs-asked == clients && now.Load() >= slots
	})
	close(release)
	all.Wait()
	if most.Load() != slots {
		t.Errorf("%d decisions at once", most.Load())
	}
}

// TestServeRefusesWrongKeys: a key of another kind is found at the start.
func TestServeRefusesWrongKeys(t *testing.T) {
	t.Parallel()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]natsauth.Config{
		"no issuer":              {NATS: &nats.Conn{}, Decide: decide},
		"user key as issuer":     {NATS: &nats.Conn{}, Decide: decide, Issuer: user},
		"account key as the box": {NATS: &nats.Conn{}, Decide: decide, Issuer: account, XKey: account},
		"nobody decides":         {NATS: &nats.Conn{}, Issuer: account},
	} {
		if err := natsauth.Serve(t.Context(), cfg); err == nil {
			t.Errorf("%s: served", name)
		}
	}
}

// syncBuffer is a log that goroutines share.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
