package api_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
)

// anotherNode opens the identities of a mesh once more, as a node that starts.
func anotherNode(t *testing.T, m *apitest.Mesh) login.Node {
	t.Helper()
	js, err := jetstream.New(m.NATS)
	if err != nil {
		t.Fatal(err)
	}
	n, err := login.Open(t.Context(), login.OpenConfig{
		JetStream: js, Store: m.Store, Log: zerolog.Nop(), Passwords: password.Params{Memory: 64, Passes: 1, Lanes: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// followNode keeps the directory of a node current until the test ends.
func followNode(t *testing.T, m *apitest.Mesh, n login.Node) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = commands.FollowDirectory(ctx, m.Store, n.Directory, zerolog.Nop(), commands.Watch{Started: n.Login.Started}) // it ends with ctx
	}()
	t.Cleanup(func() { stop(); <-done })
}

// Guessers from everywhere do not lock a person out of a place where they
// logged in before: not on the node where that was, nor on another one, nor
// after a restart. A place where only a key of theirs was used is no such one.
func TestPlacesSurviveARestart(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	person(t, m, "heidi", longPassword)
	other := anotherNode(t, m)
	followNode(t, m, other)
	try := func(n login.Node, from, password string) error {
		_, err := n.Login.Password(t.Context(), login.Attempt{
			Visit: login.Visit{Client: "test", From: netip.MustParseAddr(from)}, Tenant: domain.DefaultTenant, Name: "heidi", Password: password,
		})
		return err
	}
	first := login.Node{Login: m.Login, Directory: m.Directory}
	if err := try(first, "192.0.2.7", longPassword); err != nil {
		t.Fatal(err)
	}
	heidi, _ := m.Directory.PrincipalNamed(domain.DefaultTenant, "heidi")
	by := domain.Actor{Tenant: domain.DefaultTenant, ID: heidi.ID, Kind: domain.Human}
	if _, err := m.Login.Exchange(t.Context(), by, nil, login.Visit{Client: "ci", From: netip.MustParseAddr("192.0.2.200")}); err != nil {
		t.Fatal(err)
	}
	restarted := anotherNode(t, m) // what it knows comes from the log: it follows what comes after
	followNode(t, m, restarted)
	for name, n := range map[string]login.Node{"the node itself": first, "a node that follows": other, "one that starts": restarted} {
		t.Run(name, func(t *testing.T) {
			if err := n.Directory.Await(t.Context(), m.Directory.Seq()); err != nil {
				t.Fatal(err)
			}
			for i := range 25 {
				from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String()
				if err := try(n, from, "wrong horse battery staple"); domain.KindOf(err) != domain.Unauthenticated && domain.KindOf(err) != domain.Limited {
					t.Fatal(err)
				}
			}
			for _, unknown := range []string{"203.0.113.9", "192.0.2.200"} {
				if err := try(n, unknown, longPassword); domain.KindOf(err) != domain.Limited {
					t.Errorf("from %s: %v", unknown, err)
				}
			}
			if err := try(n, "192.0.2.7", longPassword); err != nil {
				t.Errorf("from the known place: %v", err)
			}
		})
	}
}
