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
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
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
	NoDatabase bool // Postgres is cut from the start
}

// Mesh is one running node.
type Mesh struct {
	URL         string
	Token       string         // the admin credential
	Client      *client.Client // with Token
	Server      *embedded.NATS
	NATS        *nats.Conn // as the mesh itself
	Store       *eventstore.Store
	Commands    *commands.Service
	Projections *projections.Projections
	Coordinator *workers.Coordinator
	API         *api.API
	Database    *Database
}

// Start runs a mesh until the test ends. It returns when the mesh is ready.
func Start(t testing.TB, cfg Config) *Mesh {
	t.Helper()
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 500 * time.Millisecond
	}
	m := &Mesh{Server: embeddedtest.NATS(t)}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	m.connect(t, ctx, cfg)
	m.serve(t, cfg)
	m.Client = m.NewClient(t, m.Token)
	if !cfg.HeldBack {
		m.awaitReady(t, ctx, cfg)
	}
	return m
}

// connect makes all parts.
func (m *Mesh) connect(t testing.TB, ctx context.Context, cfg Config) { //nolint:revive // the helper convention puts t first
	t.Helper()
	var err error
	m.NATS, err = m.Server.Connect(ctx)
	must(t, err)
	t.Cleanup(m.NATS.Close)
	js, err := jetstream.New(m.NATS)
	must(t, err)
	keys, token, err := auth.Setup(ctx, js, 1, false)
	must(t, err)
	m.Token = token
	authority, err := auth.New(keys.AdminVerifier)
	must(t, err)
	m.Store, err = eventstore.Open(ctx, m.NATS, eventstore.Config{Stream: "EVENTS", Replicas: 1, Log: cfg.Log})
	must(t, err)
	t.Cleanup(func() { m.close(t, m.Store.Close) })
	registry := prometheus.NewRegistry()
	m.Commands = commands.New(commands.Config{Store: m.Store, Secret: keys.NameSecret, Log: cfg.Log, Observe: api.CommandMetrics(registry)})
	m.Database = openDatabase(t, ctx, cfg.NoDatabase)
	m.Projections, err = projections.Open(ctx, projections.Config{Pool: m.Database.Pool, Store: m.Store, Log: cfg.Log, Node: "test"})
	must(t, err)
	leases, err := workers.CreateLeases(ctx, js, 1)
	must(t, err)
	m.Coordinator = workers.New(workers.Config{
		Store: m.Store, Commands: m.Commands, Leases: leases, Node: "test", Heartbeat: cfg.Heartbeat,
		Log: cfg.Log, Send: api.NewInbox(m.NATS, cfg.Log).Send,
	})
	user, password := m.Server.AgentUser()
	m.API = api.New(api.Config{
		Commands: m.Commands, Projections: m.Projections, Store: m.Store, Coordinator: m.Coordinator, Auth: authority, NATS: m.NATS,
		AgentNATS: &client.NATSInfo{URLs: []string{m.Server.URL()}, User: user, Password: password},
		Heartbeat: cfg.Heartbeat, Version: client.Version{Version: "test"}, Log: cfg.Log, Metrics: registry,
	})
}

// serve runs all parts until the test ends, and stops them in order.
func (m *Mesh) serve(t testing.TB, cfg Config) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	m.URL = "http://" + l.Addr().String()
	server := api.NewServer(m.API.Handler())
	inputs, stopInputs := context.WithCancel(context.Background())
	rest, stopRest := context.WithCancel(context.Background())
	var in, core errgroup.Group
	in.Go(func() error { return server.Serve(l) })
	if !cfg.HeldBack {
		in.Go(func() error { return m.API.Run(inputs) })
		core.Go(func() error { return m.Coordinator.Run(rest) })
		core.Go(func() error { return m.Projections.Run(rest) })
	}
	t.Cleanup(func() {
		stopInputs()
		m.close(t, server.Shutdown)
		if err := in.Wait(); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		stopRest()
		if err := core.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
}

// NewClient returns a client of the mesh with another credential.
func (m *Mesh) NewClient(t testing.TB, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: m.URL, Token: token})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// awaitReady waits until commands, coordination, feeds and, unless they are
// cut, read models work.
func (m *Mesh) awaitReady(t testing.TB, ctx context.Context, cfg Config) { //nolint:revive // as above
	t.Helper()
	Eventually(t, func() bool {
		ready, err := m.Client.Ready(ctx)
		if err != nil {
			return false
		}
		for _, c := range ready.Checks {
			if !c.OK && !c.Warn && !(cfg.NoDatabase && c.Name == "postgres") {
				return false
			}
		}
		return true
	})
}

func (m *Mesh) close(t testing.TB, stop func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// Eventually polls until ok, and fails the test when that takes too long.
func Eventually(t testing.TB, ok func() bool) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit.C:
			t.Fatal("waited in vain")
		case <-tick.C:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
