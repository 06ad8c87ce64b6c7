package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/client"
)

// listenFlags is what every way of serving takes.
type listenFlags struct {
	browserFlags
	embedderFlags
	summariserFlags
	archiveFlags
	HTTP          string   `help:"Address to serve HTTP on; port 0 takes a free one." name:"http" default:"127.0.0.1:7300" config:"" placeholder:"ADDR"`
	NATS          string   `help:"NATS server to use." name:"nats" config:"" secret:"" placeholder:"URL"`
	PG            string   `help:"Postgres with pgvector to use." name:"pg" config:"" secret:"" placeholder:"URL"`
	RatePrincipal float64  `help:"Requests a second of one principal; 0 = not limited." name:"rate-principal" default:"20000" config:"" placeholder:"N"`
	RateTenant    float64  `help:"Requests a second of one tenant; 0 = not limited." name:"rate-tenant" default:"0" config:"" placeholder:"N"`
	RateAddress   float64  `help:"Logins a second from one address; 0 = not limited." name:"rate-address" default:"5" config:"" placeholder:"N"`
	TrustedProxy  []string `help:"Network of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; repeat or separate by commas." name:"trusted-proxy" placeholder:"CIDR"`

	BreachedPasswords string `help:"Refuse passwords that are on this list: a folder, or an address such as https://api.pwnedpasswords.com/range/ that is asked with 5 of the 40 digits of the hash." name:"breached-passwords" config:"" placeholder:"DIR|URL"`

	Logs string `help:"Log level: debug, info, warn or error." name:"log" enum:"debug,info,warn,error" default:"info" config:""`
}

// limits returns the limits that the flags ask for.
func (f listenFlags) limits() (api.Limits, error) {
	l := api.DefaultLimits()
	l.Principal = quota(f.RatePrincipal, 2)
	l.Tenant = quota(f.RateTenant, 2)
	l.Address = quota(f.RateAddress, 40)
	for _, text := range f.TrustedProxy {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return l, usagef("--trusted-proxy: %q is not a network such as 10.0.0.0/8", text)
		}
		l.Proxies = append(l.Proxies, p)
	}
	return l, nil
}

// fill puts into a node's configuration what the flags say of it, and reads
// the files that they name.
func (f listenFlags) fill(cfg *nodeConfig) (err error) {
	if cfg.Limits, err = f.limits(); err != nil {
		return err
	}
	if cfg.Embedders, err = f.embedders(); err != nil {
		return err
	}
	if cfg.Summaries, err = f.summariser(); err != nil {
		return err
	}
	if cfg.Providers, err = f.providers(); err != nil {
		return err
	}
	cfg.Breached, err = breachedPasswords(f.BreachedPasswords)
	return err
}

// quota is a rate that may be exceeded for some seconds.
func quota(perSecond, seconds float64) limit.Quota {
	return limit.Quota{PerSecond: perSecond, Burst: max(1, int(perSecond*seconds))}
}

// serveCmd runs a node on a NATS and a Postgres that exist: the production entry.
type serveCmd struct {
	listenFlags
	Replicas     int    `help:"Copies of the log: 1 alone, 3 in a cluster." default:"1" config:""`
	AgentNATS    string `help:"NATS URL that agents are told, when it differs from --nats." name:"agent-nats" config:"" secret:"" placeholder:"URL"`
	AgentUser    string `help:"NATS user of agents." name:"agent-user" config:"" placeholder:"USER"`
	AgentPass    string `help:"NATS password of agents." name:"agent-password" config:"" secret:"" placeholder:"PASSWORD"`
	NewAdminCred bool   `help:"Make a new admin credential; the old one stops working." name:"new-admin-credential"`
}

// Run serves until the process is told to stop.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	if c.NATS == "" || c.PG == "" {
		return &failure{Exit: exitUsage, Code: "usage", Message: "mesh serve needs --nats and --pg", Hint: "to run with everything included: mesh up"}
	}
	var cfg nodeConfig
	if err := c.fill(&cfg); err != nil {
		return err
	}
	tuneGC(ctx, a.env)
	log := newLog(a.stderr, c.Logs)
	listener, err := listen(ctx, c.HTTP)
	if err != nil {
		return err
	}
	public, err := c.public(listener.Addr())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	nc, err := connectNATS(c.NATS, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	pool, err := openPool(ctx, c.PG)
	if err != nil {
		return err
	}
	defer pool.Close()
	agents := &client.NATSInfo{URLs: []string{c.NATS}, User: c.AgentUser, Password: c.AgentPass}
	if c.AgentNATS != "" {
		agents.URLs = []string{c.AgentNATS}
	}
	if c.AgentUser == "" {
		agents = nil // agents speak HTTP until they have an identity of their own on NATS
	} else {
		log.Warn().Str("user", c.AgentUser).Msg("agents share one NATS user: they can hear each other, and revocations do not close their connections; see NATS in docs/security.md")
	}
	if cfg.Archive, err = c.open(""); err != nil {
		return errors.Join(err, listener.Close())
	}
	url := "http://" + listener.Addr().String()
	cfg.Name, cfg.NATS, cfg.AgentNATS, cfg.Pool, cfg.Listener, cfg.PublicURL = nodeName(), nc, agents, pool, listener, public
	cfg.Replicas, cfg.RenewKey, cfg.Checks, cfg.Log = c.Replicas, c.NewAdminCred, diskChecks(a.root.Data), log
	n, err := openNode(ctx, cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if n.ids.RootKey != "" {
		fmt.Fprintf(a.stderr, "The admin credential of this mesh, shown once: %s\n", n.ids.RootKey)
	}
	log.Info().Str("url", url).Str("public_url", public).Str("version", buildVersion().Version).Msg("serving")
	return n.Run(ctx)
}

// newLog returns a logger that writes JSON lines, or readable ones on a terminal.
func newLog(w io.Writer, level string) zerolog.Logger {
	lvl, err := zerolog.ParseLevel(level)
	if err != nil {
		lvl = zerolog.InfoLevel
	}
	if isTerminal(w) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(w).Level(lvl).With().Timestamp().Logger()
}

// listen opens the HTTP port before anything else is started, so that a port
// in use costs nothing.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &failure{Exit: exitConflict, Code: "port_in_use", Message: "the address " + addr + " is in use", Hint: "stop the other program, or give another address: --http 127.0.0.1:0 takes a free port"}
	}
	if err != nil {
		return nil, &failure{Exit: exitUsage, Code: "bad_address", Message: fmt.Sprintf("cannot listen on %s: %v", addr, err), Hint: "give an address such as 127.0.0.1:7300"}
	}
	return l, nil
}

// connectNATS connects to an external server and stays connected.
func connectNATS(url string, log zerolog.Logger) (*nats.Conn, error) {
	nc, err := nats.Connect(url, nats.Name("mesh"), nats.CustomInboxPrefix("_MESH"), nats.MaxReconnects(-1), nats.ErrorHandler(logNATS(log)), nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				log.Warn().Err(err).Msg("NATS connection lost; reconnecting")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info().Str("server", nc.ConnectedUrlRedacted()).Msg("NATS connected again") }))
	if err != nil {
		return nil, &failure{Exit: exitUnavailable, Code: "nats_unreachable", Message: fmt.Sprintf("cannot connect to NATS at %s: %v", hostOf(url), err), Hint: "check --nats, and that the server runs with JetStream"}
	}
	return nc, nil
}

// hostOf returns the part of an address that is no secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "the address given"
	}
	return u.Host
}

// logNATS takes what the client tells beside its answers. A reader that is
// held back on purpose drops keep-alives, which is no news; a lost event is
// noticed by the reader itself.
func logNATS(log zerolog.Logger) nats.ErrHandler {
	return func(_ *nats.Conn, _ *nats.Subscription, err error) {
		level := zerolog.WarnLevel
		if errors.Is(err, nats.ErrSlowConsumer) {
			level = zerolog.DebugLevel
		}
		log.WithLevel(level).Err(err).Msg("NATS")
	}
}

// openPool prepares the connections to Postgres; none is made yet, so a
// Postgres that is down does not keep the mesh from starting.
func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, &failure{Exit: exitUsage, Code: "bad_pg_url", Message: "--pg is not a Postgres URL", Hint: "give one like postgres://user:password@host:5432/database"}
	}
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	cfg.MaxConns = max(cfg.MaxConns, 12)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare the Postgres pool: %w", err)
	}
	return pool, nil
}

// nodeName tells the nodes of a mesh apart in logs and leases.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
