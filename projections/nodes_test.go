package projections_test

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

// clock goes on by a millisecond whenever it is looked at, and in leaps.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(c.at.Add(1)).UTC() }

func (c *clock) leap(d time.Duration) { c.at.Add(d.Milliseconds()) }

// node decides about identities, and follows the log with a directory.
type node struct {
	store     *eventstore.Store
	directory *identity.Directory
	commands  *commands.Service
}

// nodes are two on one log, and the read models that one of them keeps.
type nodes struct {
	*bundle
	clock *clock
	both  [2]*node
	root  domain.Actor
}

func startNodes(t *testing.T) *nodes {
	t.Helper()
	server := embeddedtest.NATS(t)
	n := &nodes{clock: newClock(), bundle: &bundle{store: storeOn(t, server), pool: newPool(t, embeddedtest.PostgresURL(t))}}
	n.both = [2]*node{n.start(t, n.store), n.start(t, storeOn(t, server))}
	var err error
	n.p, err = projections.Open(t.Context(), projections.Config{Pool: n.pool, Store: n.store, Log: zerolog.Nop(), Now: n.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	run(t, n.p)
	first := n.both[0]
	_, err = first.commands.Bootstrap(t.Context(), apiKey("root-key"), false)
	if err != nil {
		t.Fatal(err)
	}
	n.settled(t)
	root, ok := first.directory.PrincipalNamed(domain.DefaultTenant, commands.RootName)
	if !ok {
		t.Fatal("there is no root")
	}
	n.root = domain.Actor{Tenant: domain.DefaultTenant, Home: domain.DefaultTenant, ID: root.ID, Kind: domain.Service}
	return n
}

// start makes a node whose directory follows the log until the test ends.
func (n *nodes) start(t *testing.T, store *eventstore.Store) *node {
	t.Helper()
	d := identity.NewDirectory()
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		err := commands.FollowDirectory(ctx, store, d, zerolog.Nop(), commands.Watch{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("follow: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		following.Wait()
	})
	cfg := commands.Config{Store: store, Directory: d, Secret: []byte("secret of the test"), Now: n.clock.now, Log: zerolog.Nop()}
	return &node{store: store, directory: d, commands: commands.New(cfg)}
}

// fatal is what testing.T and rapid.T have in common here.
type fatal interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// settled waits until both nodes have read what is in the log.
func (n *nodes) settled(t fatal) uint64 {
	t.Helper()
	last, err := n.store.LastOf(t.Context(), identity.EntityKind)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, one := range n.both {
		if err := one.directory.Await(ctx, last); err != nil {
			t.Fatalf("a node has read up to %d of %d: %v", one.directory.Seq(), last, err)
		}
	}
	return last
}

// restarted returns what a node that starts now reads from the log.
func (n *nodes) restarted(t fatal) *identity.Directory {
	t.Helper()
	d := identity.NewDirectory()
	if err := commands.LoadDirectory(t.Context(), n.store, d, zerolog.Nop(), commands.Watch{}); err != nil {
		t.Fatal(err)
	}
	return d
}

func apiKey(id string) identity.Credential {
	return identity.Credential{ID: id, Type: identity.CredentialAPIKey, Verifier: hex.EncodeToString(make([]byte, 32))}
}
