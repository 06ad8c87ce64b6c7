package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded"
)

// upCmd runs a mesh on this machine with everything it needs.
type upCmd struct {
	listenFlags
	NATSPort int `help:"Port of the built-in NATS for agents; 0 takes a free one." name:"nats-port" default:"7301" config:""`
}

// Run starts what is missing, serves until the process is told to stop, and
// stops what it started.
func (c *upCmd) Run(ctx context.Context, a *app) (err error) {
	began := time.Now()
	var asked nodeConfig
	if err := c.fill(&asked); err != nil {
		return err
	}
	tuneGC(ctx, a.env)
	if err := os.MkdirAll(a.root.Data, 0o755); err != nil {
		return &failure{Exit: exitFailed, Code: "data_dir", Message: fmt.Sprintf("cannot make the data directory: %v", err), Hint: "give another one: --data DIR"}
	}
	if err := refuseRestoring(a.root.Data); err != nil {
		return err
	}
	log := newLog(a.stderr, c.level(a))
	listener, err := listen(ctx, c.HTTP)
	if err != nil {
		return err
	}
	public, err := c.public(listener.Addr())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	parts := &parts{log: log, progress: func(s string) { fmt.Fprintln(a.stderr, "  "+s) }}
	defer func() { err = errors.Join(err, parts.stop()) }()
	cfg, err := parts.start(ctx, c, a.root.Data)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	tokenPath := filepath.Join(a.root.Data, tokenFile)
	_, statErr := os.Stat(tokenPath)
	cfg.Listener, cfg.Log, cfg.Limits, cfg.Checks = listener, log, asked.Limits, diskChecks(a.root.Data)
	cfg.PublicURL, cfg.Providers, cfg.Breached, cfg.Embedders, cfg.Summaries = public, asked.Providers, asked.Breached, asked.Embedders, asked.Summaries
	if cfg.Archive, err = c.open(a.root.Data); err != nil {
		return errors.Join(err, listener.Close())
	}
	cfg.RenewKey = errors.Is(statErr, fs.ErrNotExist)
	url := "http://" + listener.Addr().String()
	n, err := openNode(ctx, cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := leaveTraces(a.root.Data, url, n.ids.RootKey); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer os.Remove(filepath.Join(a.root.Data, urlFile)) //nolint:errcheck // a stale address is found out by the next command
	c.banner(a, url, public, n.ids, tokenPath, time.Since(began))
	return n.Run(ctx)
}

// level is quieter than a server's: a person looks at it.
func (c *upCmd) level(a *app) string {
	if c.Logs == "info" && isTerminal(a.stderr) {
		return "warn"
	}
	return c.Logs
}

// leaveTraces writes what the command line of this machine needs to find the
// mesh: its address and, once, its credential.
func leaveTraces(data, url, token string) error {
	if token != "" {
		if err := os.WriteFile(filepath.Join(data, tokenFile), []byte(token+"\n"), 0o600); err != nil {
			return fmt.Errorf("keep the admin credential: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, urlFile), []byte(url+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the address: %w", err)
	}
	return nil
}

// banner tells where everything is, and what to try next, in a dozen lines.
func (c *upCmd) banner(a *app, url, public string, ids login.Node, tokenPath string, took time.Duration) {
	w := a.stdout
	fmt.Fprintf(w, "Hivemesh %s is up (%.1f s)\n\n", buildVersion().Version, took.Seconds())
	fmt.Fprintf(w, "  API         %s   (%s/openapi.json)\n", url, url)
	fmt.Fprintf(w, "  Data        %s\n", a.root.Data)
	fmt.Fprintf(w, "  Root key    in %s; commands on this machine find it\n", tokenPath)
	if ids.Welcome != "" {
		fmt.Fprintf(w, "  First admin %s/setup#%s\n              works once, for 24 hours; without a browser: mesh accept INVITATION --name NAME\n", public, ids.Welcome)
	}
	fmt.Fprint(w, "\nTry, in another terminal:\n")
	fmt.Fprint(w, "  mesh agent run --name echo --capability echo -- cat\n")
	fmt.Fprint(w, "  mesh task submit --capability echo --input '{\"hello\":\"mesh\"}' --wait\n")
	fmt.Fprint(w, "Stop with Ctrl-C. For one machine; production runs mesh serve.\n")
}

// parts is what mesh up starts besides the node itself.
type parts struct {
	log      zerolog.Logger
	progress func(string)
	stops    []func(context.Context) error
}

// start starts or connects NATS and Postgres.
func (p *parts) start(ctx context.Context, c *upCmd, data string) (nodeConfig, error) {
	cfg := nodeConfig{Name: nodeName(), Replicas: 1}
	if err := p.startNATS(ctx, c, data, &cfg); err != nil {
		return cfg, err
	}
	pg := c.PG
	if pg == "" {
		server, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: data, Log: p.log, Progress: p.progress})
		if err != nil {
			return cfg, err
		}
		p.stops = append(p.stops, server.Stop)
		pg = server.URL()
		cfg.PGRoom = func() error { return room(data) }
	}
	pool, err := openPool(ctx, pg)
	if err != nil {
		return cfg, err
	}
	p.stops = append(p.stops, func(context.Context) error { pool.Close(); return nil })
	cfg.Pool = pool
	return cfg, nil
}

func (p *parts) startNATS(ctx context.Context, c *upCmd, data string, cfg *nodeConfig) error {
	if c.NATS != "" {
		nc, err := connectNATS(c.NATS, p.log)
		if err != nil {
			return err
		}
		p.stops = append(p.stops, func(context.Context) error { nc.Close(); return nil })
		cfg.NATS = nc
		return nil
	}
	port := c.NATSPort
	if port == 0 {
		port = -1
	}
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: data, Port: port, Callout: &embedded.Callout{}, Log: p.log})
	if err != nil {
		return err
	}
	gate, stopGate, err := p.serveGate(ctx, server)
	if err != nil {
		return errors.Join(err, server.Stop(ctx))
	}
	p.stops = append(p.stops, stopGate, server.Stop) // the server waits for answers while it stops
	nc, err := server.Connect(ctx, nats.ErrorHandler(logNATS(p.log)))
	if err != nil {
		return fmt.Errorf("connect to the built-in NATS: %w", err)
	}
	p.stops = append(p.stops, func(context.Context) error { nc.Close(); return nil })
	cfg.NATS = nc
	cfg.Room = watchRoom(data)
	cfg.AgentNATS = &client.NATSInfo{URLs: []string{server.URL()}}
	cfg.Gate, cfg.Disconnect = gate, server.Disconnect
	return nil
}

// serveGate answers the server's question who a connection belongs to, from
// now until it is stopped; the gate refuses everybody until a node opens it.
func (p *parts) serveGate(ctx context.Context, server *embedded.NATS) (*natsauth.Gate, func(context.Context) error, error) {
	nc, err := server.ConnectAuth(ctx, nats.ErrorHandler(logNATS(p.log)))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the built-in NATS: %w", err)
	}
	gate := natsauth.NewGate()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		done <- natsauth.Serve(serving, natsauth.Config{NATS: nc, Issuer: server.Callout().Issuer, Decide: gate.Decide, Log: p.log})
	}()
	return gate, func(context.Context) error {
		stop()
		defer nc.Close()
		return <-done
	}, nil
}

// stop stops everything, last started first.
func (p *parts) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var errs []error
	for i := len(p.stops) - 1; i >= 0; i-- {
		errs = append(errs, p.stops[i](ctx))
	}
	return errors.Join(errs...)
}
