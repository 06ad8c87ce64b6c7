// Package apitest runs a whole mesh within a test: embedded NATS, real
// Postgres, every part wired as the binary wires them, on free ports.
package apitest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers"
)

const startTimeout = 60 * time.Second

// Config is what may differ from a usual mesh.
type Config struct {
	Heartbeat  time.Duration // default 500ms, so that tests see a loss soon
	HeldBack   bool          // do not run: the parts are made, and feeds and NATS requests not served
	Log        zerolog.Logger
	NoDatabase bool   // Postgres is cut from the start
	AgentURL   string // where agents find NATS; default the server's own
}

// Mesh is one running node.
type Mesh struct {
	URL         string
	Token       string         // the key of root
	Client      *client.Client // with Token
	Server      *embedded.NATS
	NATS        *nats.Conn // as the mesh itself
	Store       *eventstore.Store
	Directory   *identity.Directory
	Commands    *commands.Service
	Projections *projections.Projections
	Coordinator *workers.Coordinator
	API         *api.API
	Database    *Database
}

// Start runs a mesh until the test ends. It returns when the mesh is ready.
func Start(tb testing.TB, cfg Config) *Mesh {
	tb.Helper()
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 500 * time.Millisecond
	}
	m := &Mesh{Server: embeddedtest.NATS(tb)}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	m.connect(ctx, tb, cfg)
	m.serve(tb, cfg)
	m.Client = m.NewClient(tb, m.Token)
	if !cfg.HeldBack {
		m.awaitReady(ctx, tb, cfg)
	}
	return m
}

// connect makes all parts.
func (m *Mesh) connect(ctx context.Context, tb testing.TB, cfg Config) {
	tb.Helper()
	var err error
	m.NATS, err = m.Server.Connect(ctx)
	must(tb, err)
	tb.Cleanup(m.NATS.Close)
	js, err := jetstream.New(m.NATS)
	must(tb, err)
	keys, err := auth.Setup(ctx, js, 1)
	must(tb, err)
	m.Store, err = eventstore.Open(ctx, m.NATS, eventstore.Config{Stream: "EVENTS", Replicas: 1, Log: cfg.Log})
	must(tb, err)
	tb.Cleanup(func() { m.close(tb, m.Store.Close) }) //nolint:contextcheck // ctx is for the start
	registry := prometheus.NewRegistry()
	m.openIdentity(ctx, tb, commands.Config{
		Store: m.Store, Directory: identity.NewDirectory(), Secret: keys.NameSecret, Log: cfg.Log, Observe: api.CommandMetrics(registry),
	})
	m.Database = openDatabase(ctx, tb, cfg.NoDatabase)
	m.Projections, err = projections.Open(ctx, projections.Config{Pool: m.Database.Pool, Store: m.Store, Log: cfg.Log, Node: "test"})
	must(tb, err)
	leases, err := workers.CreateLeases(ctx, js, 1)
	must(tb, err)
	m.Coordinator = workers.New(workers.Config{
		Store: m.Store, Commands: m.Commands, Leases: leases, Node: "test", Heartbeat: cfg.Heartbeat,
		Log: cfg.Log, Send: api.NewInbox(m.NATS, cfg.Log).Send,
	})
	user, password := m.Server.AgentUser()
	if cfg.AgentURL == "" {
		cfg.AgentURL = m.Server.URL()
	}
	m.API = api.New(api.Config{
		Commands: m.Commands, Projections: m.Projections, Store: m.Store, Coordinator: m.Coordinator,
		Auth: auth.New(auth.Config{Directory: m.Directory}), Directory: m.Directory, NATS: m.NATS,
		AgentNATS: &client.NATSInfo{URLs: []string{cfg.AgentURL}, User: user, Password: password},
		Heartbeat: cfg.Heartbeat, Version: client.Version{Version: "test"}, Log: cfg.Log, Metrics: registry,
	})
}

// openIdentity makes the mesh's root, whose key is Token.
func (m *Mesh) openIdentity(ctx context.Context, tb testing.TB, cfg commands.Config) {
	tb.Helper()
	cfg.Policies = policy.New(cfg.Directory).Decide
	m.Directory, m.Commands = cfg.Directory, commands.New(cfg)
	key, id, verifier := auth.NewAPIKey()
	_, err := m.Commands.Bootstrap(ctx, identity.Credential{ID: id, Type: identity.CredentialAPIKey, Verifier: verifier}, false)
	must(tb, err)
	must(tb, commands.LoadDirectory(ctx, m.Store, m.Directory, cfg.Log))
	m.Token = key
}

// serve runs all parts until the test ends, and stops them in order.
func (m *Mesh) serve(tb testing.TB, cfg Config) {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(tb, err)
	m.URL = "http://" + l.Addr().String()
	server := api.NewServer(m.API.Handler())
	inputs, stopInputs := context.WithCancel(context.Background())
	rest, stopRest := context.WithCancel(context.Background())
	var in, core errgroup.Group
	in.Go(func() error { return server.Serve(l) })
	if !cfg.HeldBack {
		in.Go(func() error { return m.API.Run(inputs) })
		core.Go(func() error { return m.Coordinator.Run(rest) })
		core.Go(func() error {
			return commands.FollowDirectory(rest, m.Store, m.Directory, cfg.Log, m.API.IdentityChanged)
		})
		core.Go(func() error { return m.Projections.Run(rest) })
	}
	tb.Cleanup(func() {
		stopInputs()
		m.close(tb, server.Shutdown)
		if err := in.Wait(); !errors.Is(err, http.ErrServerClosed) {
			tb.Errorf("serve: %v", err)
		}
		stopRest()
		if err := core.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("run: %v", err)
		}
	})
}

// NewClient returns a client of the mesh with another credential.
func (m *Mesh) NewClient(tb testing.TB, token string) *client.Client {
	tb.Helper()
	c, err := client.New(client.Config{URL: m.URL, Token: token})
	must(tb, err)
	tb.Cleanup(c.Close)
	return c
}

// awaitReady waits until commands, coordination, feeds and, unless they are
// cut, read models work.
func (m *Mesh) awaitReady(ctx context.Context, tb testing.TB, cfg Config) {
	tb.Helper()
	Eventually(tb, func() bool {
		ready, err := m.Client.Ready(ctx)
		if err != nil {
			return false
		}
		for _, c := range ready.Checks {
			if !c.OK && !c.Warn && (!cfg.NoDatabase || c.Name != "postgres") {
				return false
			}
		}
		return true
	})
}

func (m *Mesh) close(tb testing.TB, stop func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		tb.Errorf("stop: %v", err)
	}
}

// Eventually polls until ok, and fails the test when that takes too long.
func Eventually(tb testing.TB, ok func() bool) {
	tb.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit.C:
			tb.Fatal("waited in vain")
		case <-tick.C:
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
