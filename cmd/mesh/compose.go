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
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/memory/recall"
	"github.com/hivemesh/hivemesh/memory/summarise"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/workers"
	"github.com/hivemesh/hivemesh/workers/archiver"
	"github.com/hivemesh/hivemesh/workers/consolidator"
	"github.com/hivemesh/hivemesh/workers/driller"
	"github.com/hivemesh/hivemesh/workers/embedder"
	"github.com/hivemesh/hivemesh/workers/rememberer"
)

// Times of a node.
const (
	heartbeat    = 5 * time.Second
	drainTimeout = 15 * time.Second
)

// logStream is the stream that holds the log.
const logStream = "EVENTS"

// nodeConfig is what a node is made of. The connections stay the caller's.
type nodeConfig struct {
	Name      string
	NATS      *nats.Conn
	AgentNATS *client.NATSInfo // what agents are told; nil: agents use HTTP
	Pool      *pgxpool.Pool
	Listener  net.Listener
	PublicURL string // how browsers reach the mesh
	Replicas  int
	Limits    api.Limits
	Breached  password.Breached
	RenewKey  bool // make a new key for root
	Providers []login.ProviderConfig
	Embedders []embed.Provider // the wanted one first
	Summaries consolidator.Summariser
	Archive   *archiveTarget // nil: the log is not archived
	// Gate lets clients of NATS in, where its server asks the mesh; and
	// Disconnect closes their connections. Both may be nil.
	Gate       *natsauth.Gate
	Disconnect func(before time.Time, user func(string) bool) int
	Checks     func(context.Context) []client.Check
	Room       func() error // fails when the log's disk is nearly full; nil: not watched
	PGRoom     func() error // the same for the disk of Postgres
	Log        zerolog.Logger
}

// node is one running mesh process: every part, wired.
type node struct {
	store       *eventstore.Store
	ids         login.Node
	gate        *natsauth.Gate // nil: NATS does not ask the mesh who connects
	projections *projections.Projections
	coordinator *workers.Coordinator
	embedder    *embedder.Embedder
	archiver    *archiver.Archiver // nil: the log is not archived
	driller     *driller.Driller   // nil: no drills by itself
	rememberer  *rememberer.Rememberer
	tidies      *consolidator.Consolidator
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
	store, err := eventstore.Open(ctx, cfg.NATS, eventstore.Config{Stream: logStream, Replicas: cfg.Replicas, Log: cfg.Log})
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
	ids, err := login.Open(ctx, login.OpenConfig{
		JetStream: js, Store: store, Replicas: cfg.Replicas, RenewRoot: cfg.RenewKey, Passwords: password.DefaultParams(), Breached: cfg.Breached, Log: cfg.Log,
		PublicURL: cfg.PublicURL, Providers: cfg.Providers,
		Commands: commands.Config{Log: cfg.Log, Room: cfg.Room, Observe: api.CommandMetrics(metrics)},
	})
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
	if len(cfg.Embedders) == 0 {
		if cfg.Embedders, err = (embedderFlags{}).embedders(); err != nil {
			return nil, errors.Join(err, store.Close(ctx))
		}
	}
	if cfg.Summaries == nil {
		cfg.Summaries = summarise.Extractive{}
	}
	searches := recall.New(reads, cfg.Embedders, time.Now)
	inbox := api.NewInbox(cfg.NATS, &api.Briefing{Commands: ids.Commands, Store: store, Recall: searches}, cfg.Log)
	coordinator := workers.New(workers.Config{
		Store: store, Commands: ids.Commands, Leases: leases, Node: cfg.Name, Heartbeat: heartbeat,
		Log: cfg.Log, Send: inbox.Send, SendBriefed: inbox.SendBriefed,
	})
	leads := func() bool { return coordinator.Health().Leader }
	embeds := embedder.New(embedder.Config{
		Store: store, Commands: ids.Commands, Providers: cfg.Embedders, Leads: leads, Nearest: reads.Nearest, Log: cfg.Log,
	})
	archives := newArchiver(cfg, js, store, coordinator)
	drills := newDriller(cfg, store, ids.Commands, leads)
	server := api.New(api.Config{
		Commands: ids.Commands, Projections: reads, Store: store, Coordinator: coordinator, Recall: searches, Embedder: embeds, Archiver: archives, Driller: drills,
		Auth: ids.Auth, Login: ids.Login, Issuer: ids.Issuer, Directory: ids.Directory, PublicURL: cfg.PublicURL, Vouched: cfg.Gate != nil, Disconnect: cfg.Disconnect,
		NATS: cfg.NATS, AgentNATS: cfg.AgentNATS, Heartbeat: heartbeat, Limits: cfg.Limits, Version: wireVersion(store.Epoch()),
		Checks: cfg.Checks, Room: cfg.Room, Log: cfg.Log, Metrics: metrics,
	})
	return &node{
		store: store, ids: ids, gate: cfg.Gate, projections: reads, coordinator: coordinator, embedder: embeds, archiver: archives, driller: drills, api: server,
		rememberer: rememberer.New(rememberer.Config{Store: store, Commands: ids.Commands, Leads: leads, Log: cfg.Log}),
		tidies:     consolidator.New(consolidator.Config{Store: store, Commands: ids.Commands, Reads: reads, Summariser: cfg.Summaries, Leads: leads, Log: cfg.Log}),
		http:       api.NewServer(server.Handler()),
		listener:   cfg.Listener, log: cfg.Log,
	}, nil
}

// Run serves until ctx ends or a part fails. Then it stops in the order of
// the data: first what takes work in, last what writes it down.
func (n *node) Run(ctx context.Context) error {
	inputs, stopInputs := context.WithCancel(context.WithoutCancel(ctx))
	rest, stopRest := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInputs()
	defer stopRest()
	failed := make(chan error, 11)
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
		return commands.FollowDirectory(rest, n.store, n.ids.Directory, n.log, commands.Watch{Restricted: n.api.Restricted, Started: n.ids.Login.Started})
	})
	start(&core, "logins", func() error { return n.ids.Login.Run(rest) })
	start(&core, "coordinator", func() error { return n.coordinator.Run(rest) })
	start(&core, "embedder", func() error { return n.embedder.Run(rest) })
	start(&core, "rememberer", func() error { return n.rememberer.Run(rest) })
	start(&core, "consolidator", func() error { return n.tidies.Run(rest) })
	if n.archiver != nil {
		start(&core, "archiver", func() error { return n.archiver.Run(rest) })
	}
	if n.driller != nil {
		start(&core, "driller", func() error { return n.driller.Run(rest) })
	}
	start(&core, "projections", func() error { return n.projections.Run(rest) })
	if n.gate != nil {
		n.gate.Open(n.api.Connect)
		defer n.gate.Close()
	}

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
