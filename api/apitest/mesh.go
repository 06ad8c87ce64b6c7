// Package apitest runs a whole mesh within a test: embedded NATS, real
// Postgres, every part wired as the binary wires them, on free ports.
package apitest

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/embed/ngram"
	"github.com/hivemesh/hivemesh/memory/recall"
	"github.com/hivemesh/hivemesh/memory/summarise"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers"
	"github.com/hivemesh/hivemesh/workers/consolidator"
	"github.com/hivemesh/hivemesh/workers/embedder"
	"github.com/hivemesh/hivemesh/workers/rememberer"
)

const startTimeout = 60 * time.Second

// Config is what may differ from a usual mesh.
type Config struct {
	Heartbeat  time.Duration // default 500ms, so that tests see a loss soon
	HeldBack   bool          // do not run: the parts are made, and feeds and NATS requests not served
	Log        zerolog.Logger
	NoDatabase bool       // Postgres is cut from the start
	Limits     api.Limits // default none
	PublicURL  string     // how browsers reach the mesh; default http://localhost and the port
	AgentURL   string     // where agents find NATS; default the server's own
	Providers  []login.ProviderConfig
	Embedder   embed.Provider // default the built-in one
	Summariser consolidator.Summariser
	Clock      func() time.Time // of the consolidator; default time.Now
	Behind     <-chan struct{}  // it hears nothing about identities, beside what was so when it began, before this is closed; nil = at once
	Peer       *Mesh            // a node whose NATS and Postgres it shares; it outlives this one
}

// Mesh is one running node.
type Mesh struct {
	URL         string         // by address
	Public      string         // how browsers reach it
	Token       string         // the key of root
	Client      *client.Client // with Token
	Server      *embedded.NATS
	NATS        *nats.Conn // as the mesh itself
	Store       *eventstore.Store
	Directory   *identity.Directory
	Root        string // its principal
	Login       *login.Service
	Auth        *auth.Authenticator
	Commands    *commands.Service
	Projections *projections.Projections
	Coordinator *workers.Coordinator
	Embedder    *embedder.Embedder
	Rememberer  *rememberer.Rememberer
	Tidies      *consolidator.Consolidator
	API         *api.API
	Database    *Database
}

// Start runs a mesh until the test ends. It returns when the mesh is ready.
func Start(tb testing.TB, cfg Config) *Mesh {
	tb.Helper()
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 500 * time.Millisecond
	}
	m := &Mesh{}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(tb, err)
	address := l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // it listens on TCP
	m.URL, m.Public = "http://"+address.String(), fmt.Sprintf("http://localhost:%d", address.Port)
	if cfg.PublicURL != "" {
		m.Public = cfg.PublicURL
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	m.connect(ctx, tb, cfg)
	m.serve(tb, cfg, l)
	m.Client = m.NewClient(tb, m.Token)
	if !cfg.HeldBack {
		m.awaitReady(ctx, tb, cfg)
	}
	return m
}

// connect makes all parts.
func (m *Mesh) connect(ctx context.Context, tb testing.TB, cfg Config) {
	tb.Helper()
	gate, disconnect := m.openNATS(ctx, tb, cfg.Peer)
	var err error
	js, err := jetstream.New(m.NATS)
	must(tb, err)
	m.Store, err = eventstore.Open(ctx, m.NATS, eventstore.Config{Stream: "EVENTS", Replicas: 1, Log: cfg.Log})
	must(tb, err)
	tb.Cleanup(func() { m.close(tb, m.Store.Close) }) //nolint:contextcheck // ctx is for the start
	registry := prometheus.NewRegistry()
	ids, err := login.Open(ctx, login.OpenConfig{
		JetStream: js, Store: m.Store, Log: cfg.Log, Passwords: password.Params{Memory: 64, Passes: 1, Lanes: 1},
		PublicURL: m.Public, Providers: cfg.Providers,
		Commands: commands.Config{Log: cfg.Log, Observe: api.CommandMetrics(registry)},
	})
	must(tb, err)
	m.Directory, m.Commands, m.Token, m.Login, m.Auth = ids.Directory, ids.Commands, ids.RootKey, ids.Login, ids.Auth
	root, _ := m.Directory.PrincipalNamed(domain.DefaultTenant, commands.RootName)
	m.Root = root.ID
	name := "test"
	if cfg.Peer != nil {
		name, m.Token = "peer", cfg.Peer.Token
	}
	m.Database = openDatabase(ctx, tb, cfg)
	m.Projections, err = projections.Open(ctx, projections.Config{Pool: m.Database.Pool, Store: m.Store, Log: cfg.Log, Node: name})
	must(tb, err)
	leases, err := workers.CreateLeases(ctx, js, 1)
	must(tb, err)
	if cfg.Embedder == nil {
		cfg.Embedder, err = ngram.New(0)
		must(tb, err)
	}
	embedders := []embed.Provider{cfg.Embedder}
	searches := recall.New(m.Projections, embedders, time.Now)
	inbox := api.NewInbox(m.NATS, &api.Briefing{Commands: m.Commands, Store: m.Store, Recall: searches}, cfg.Log)
	m.Coordinator = workers.New(workers.Config{
		Store: m.Store, Commands: m.Commands, Leases: leases, Node: name, Heartbeat: cfg.Heartbeat,
		Log: cfg.Log, Send: inbox.Send, SendBriefed: inbox.SendBriefed,
	})
	m.Embedder = embedder.New(embedder.Config{
		Store: m.Store, Commands: m.Commands, Providers: embedders, Leads: func() bool { return m.Coordinator.Health().Leader },
		Nearest: m.Projections.Nearest, Log: cfg.Log,
	})
	m.Rememberer = rememberer.New(rememberer.Config{Store: m.Store, Commands: m.Commands, Leads: func() bool { return m.Coordinator.Health().Leader }, Log: cfg.Log})
	if cfg.Summariser == nil {
		cfg.Summariser = summarise.Extractive{}
	}
	m.Tidies = consolidator.New(consolidator.Config{
		Store: m.Store, Commands: m.Commands, Reads: m.Projections, Summariser: cfg.Summariser, Now: cfg.Clock,
		Leads: func() bool { return m.Coordinator.Health().Leader }, Log: cfg.Log,
	})
	if cfg.AgentURL == "" {
		cfg.AgentURL = m.Server.URL()
	}
	m.API = api.New(api.Config{
		Commands: m.Commands, Projections: m.Projections, Store: m.Store, Coordinator: m.Coordinator, Recall: searches, Embedder: m.Embedder,
		Auth: ids.Auth, Login: ids.Login, Issuer: ids.Issuer, Directory: m.Directory, PublicURL: m.Public,
		NATS: m.NATS, Vouched: true, Disconnect: disconnect, AgentNATS: &client.NATSInfo{URLs: []string{cfg.AgentURL}},
		Heartbeat: cfg.Heartbeat, Limits: cfg.Limits, Version: client.Version{Version: "test"}, Log: cfg.Log, Metrics: registry,
	})
	if gate != nil {
		gate.Open(m.API.Connect)
	}
}

// openNATS starts a server that asks the mesh who connects, and returns what
// the mesh answers with once it is made, and what closes connections. The
// server of a peer has both already.
func (m *Mesh) openNATS(ctx context.Context, tb testing.TB, peer *Mesh) (*natsauth.Gate, func(time.Time, func(string) bool) int) {
	tb.Helper()
	if peer != nil {
		var err error
		m.Server = peer.Server
		m.NATS, err = m.Server.Connect(ctx)
		must(tb, err)
		tb.Cleanup(m.NATS.Close)
		return nil, nil
	}
	gate := natsauth.NewGate()
	serving, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var answers *nats.Conn
	tb.Cleanup(func() { // after the server has stopped, which waits for answers
		stop()
		if answers != nil {
			must(tb, <-done)
			answers.Close()
		}
	})
	m.Server = embeddedtest.CalloutNATS(tb)
	var err error
	answers, err = m.Server.ConnectAuth(ctx)
	must(tb, err)
	go func() {
		done <- natsauth.Serve(serving, natsauth.Config{NATS: answers, Issuer: m.Server.Callout().Issuer, Decide: gate.Decide})
	}()
	m.NATS, err = m.Server.Connect(ctx)
	must(tb, err)
	tb.Cleanup(m.NATS.Close)
	return gate, m.Server.Disconnect
}

// serve runs all parts until the test ends, and stops them in order.
func (m *Mesh) serve(tb testing.TB, cfg Config, l net.Listener) {
	tb.Helper()
	server := api.NewServer(m.API.Handler())
	inputs, stopInputs := context.WithCancel(context.Background())
	rest, stopRest := context.WithCancel(context.Background())
	var in, core errgroup.Group
	in.Go(func() error { return server.Serve(l) })
	if !cfg.HeldBack {
		in.Go(func() error { return m.API.Run(inputs) })
		core.Go(func() error { return m.Coordinator.Run(rest) })
		core.Go(func() error { return m.Login.Run(rest) })
		core.Go(func() error {
			if cfg.Behind != nil {
				select {
				case <-cfg.Behind:
				case <-rest.Done():
				}
			}
			return commands.FollowDirectory(rest, m.Store, m.Directory, cfg.Log, commands.Watch{Restricted: m.API.Restricted, Started: m.Login.Started})
		})
		core.Go(func() error { return m.Embedder.Run(rest) })
		core.Go(func() error { return m.Rememberer.Run(rest) })
		core.Go(func() error { return m.Tidies.Run(rest) })
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
