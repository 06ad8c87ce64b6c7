package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
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
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers"
)

// Times of a node.
const (
	heartbeat    = 5 * time.Second
	drainTimeout = 15 * time.Second
)

// nodeConfig is what a node is made of. The connections stay the caller's.
type nodeConfig struct {
	Name      string
	NATS      *nats.Conn
	AgentNATS *client.NATSInfo // what agents are told; nil: agents use HTTP
	Pool      *pgxpool.Pool
	Listener  net.Listener
	Replicas  int
	RenewKey  bool // make a new admin credential
	Checks    func(context.Context) []client.Check
	Room      func() error // fails when the log's disk is nearly full; nil: not watched
	PGRoom    func() error // the same for the disk of Postgres
	Log       zerolog.Logger
}

// node is one running mesh process: every part, wired.
type node struct {
	token       string // the admin credential, if this start made it
	store       *eventstore.Store
	directory   *identity.Directory
	projections *projections.Projections
	coordinator *workers.Coordinator
	api         *api.API
	http        *http.Server
	listener    net.Listener
	log         zerolog.Logger
}

// openNode is the composition root: it builds every part in the order in
// which they need each other, and starts none.
func openNode(ctx context.Context, cfg nodeConfig) (*node, error) {
	js, err := jetstream.New(cfg.NATS)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	keys, err := auth.Setup(ctx, js, cfg.Replicas)
	if err != nil {
		return nil, err
	}
	store, err := eventstore.Open(ctx, cfg.NATS, eventstore.Config{Stream: "EVENTS", Replicas: cfg.Replicas, Log: cfg.Log})
	var drift *eventstore.DriftError
	if errors.As(err, &drift) {
		return nil, &failure{
			Exit: exitFailed, Code: "stream_drift", Message: drift.Error(),
			Hint: "the mesh could not keep its promises on this stream: set " + drift.Field + " back, or use another NATS",
		}
	}
	if err != nil {
		return nil, err
	}
	metrics := prometheus.NewRegistry()
	directory, service, token, err := openIdentity(ctx, store, commands.Config{
		Store: store, Secret: keys.NameSecret, Log: cfg.Log, Room: cfg.Room, Observe: api.CommandMetrics(metrics),
	}, cfg.RenewKey)
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	reads, err := projections.Open(ctx, projections.Config{Pool: cfg.Pool, Store: store, Log: cfg.Log, Node: cfg.Name, Room: cfg.PGRoom})
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	leases, err := workers.CreateLeases(ctx, js, cfg.Replicas)
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	coordinator := workers.New(workers.Config{
		Store: store, Commands: service, Leases: leases, Node: cfg.Name, Heartbeat: heartbeat,
		Log: cfg.Log, Send: api.NewInbox(cfg.NATS, cfg.Log).Send,
	})
	server := api.New(api.Config{
		Commands: service, Projections: reads, Store: store, Coordinator: coordinator, Auth: auth.New(auth.Config{Directory: directory}), Directory: directory,
		NATS: cfg.NATS, AgentNATS: cfg.AgentNATS, Heartbeat: heartbeat, Version: wireVersion(store.Epoch()),
		Checks: cfg.Checks, Room: cfg.Room, Log: cfg.Log, Metrics: metrics,
	})
	return &node{
		token: token, store: store, directory: directory, projections: reads, coordinator: coordinator, api: server,
		http:     api.NewServer(server.Handler()),
		listener: cfg.Listener, log: cfg.Log,
	}, nil
}

// openIdentity reads who may do what and makes, in a new mesh, its root; with
// renew root gets a new key. token is root's key when this made it.
func openIdentity(ctx context.Context, store *eventstore.Store, cfg commands.Config, renew bool) (d *identity.Directory, s *commands.Service, token string, err error) {
	d = identity.NewDirectory()
	if err := commands.LoadDirectory(ctx, store, d, cfg.Log); err != nil {
		return nil, nil, "", err
	}
	cfg.Directory, cfg.Policies = d, policy.New(d).Decide
	s = commands.New(cfg)
	key, id, verifier := auth.NewAPIKey()
	made, err := s.Bootstrap(ctx, identity.Credential{ID: id, Type: identity.CredentialAPIKey, Name: "first start", Verifier: verifier}, renew)
	if err != nil {
		return nil, nil, "", fmt.Errorf("make the root of the mesh: %w", err)
	}
	if made {
		token = key
	}
	return d, s, token, commands.LoadDirectory(ctx, store, d, cfg.Log)
}

// Run serves until ctx ends or a part fails. Then it stops in the order of
// the data: first what takes work in, last what writes it down.
func (n *node) Run(ctx context.Context) error {
	inputs, stopInputs := context.WithCancel(context.WithoutCancel(ctx))
	rest, stopRest := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInputs()
	defer stopRest()
	failed := make(chan error, 5)
	var in, core errgroup.Group
	start := func(g *errgroup.Group, name string, run func() error) {
		g.Go(func() error {
			err := run()
			if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, http.ErrServerClosed) {
				err = fmt.Errorf("%s: %w", name, err)
				failed <- err
				return err
			}
			return nil
		})
	}
	start(&in, "http", func() error { return n.http.Serve(n.listener) })
	start(&in, "api", func() error { return n.api.Run(inputs) })
	start(&core, "identities", func() error {
		return commands.FollowDirectory(rest, n.store, n.directory, n.log, n.api.IdentityChanged)
	})
	start(&core, "coordinator", func() error { return n.coordinator.Run(rest) })
	start(&core, "projections", func() error { return n.projections.Run(rest) })

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	stopInputs()
	if err := n.http.Shutdown(end); err != nil {
		n.log.Warn().Err(err).Msg("some HTTP requests were cut off")
		n.http.Close()
	}
	errIn := in.Wait()
	stopRest()
	errCore := core.Wait()
	if cause != nil {
		return errors.Join(cause, n.store.Close(end))
	}
	return errors.Join(errIn, errCore, n.store.Close(end))
}
