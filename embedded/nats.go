package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/internal/flock"
)

// MaxPayload is the largest message in bytes, headers included: 8 MiB and
// room for the largest headers.
const MaxPayload = 8<<20 + 64<<10

const (
	startTimeout  = 2 * time.Minute // a long log is read when the last stop was not clean
	maxConns      = 100_000
	writeDeadline = 10 * time.Second
)

// NATSConfig is how to run the in-process NATS server. Only Dir is needed.
type NATSConfig struct {
	Dir      string // the store is Dir/nats
	Host     string // default 127.0.0.1
	Port     int    // 0 = 4222, -1 = a free one
	NoListen bool   // in-process connections only
	MaxStore int64  // bytes of all streams; 0 = three quarters of the free disk
	// SyncAtStop has nothing synced until Stop, which then syncs everything: for
	// restores, where what is lost on the way is made again.
	SyncAtStop bool
	// Passwords of the two users; empty = random for this run.
	MeshPassword, AgentPassword string
	Callout                     *Callout       // who else may connect; nil = whoever has AgentPassword
	Log                         zerolog.Logger // the server's warnings and errors
}

// NATS is a running in-process NATS server with JetStream that syncs every
// write before it is acknowledged, unless it is to SyncAtStop.
type NATS struct {
	cfg  NATSConfig
	srv  *server.Server
	lock *flock.Lock
	dir  string
}

// StartNATS starts the server and returns when it takes connections. It
// returns ErrDirInUse when another server has the directory, ErrPortInUse
// when the port is taken, and the server's own words when it cannot start.
func StartNATS(cfg NATSConfig) (*NATS, error) {
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if cfg.Port == 0 {
		cfg.Port = server.DEFAULT_PORT
	}
	for _, p := range []*string{&cfg.MeshPassword, &cfg.AgentPassword} {
		if *p == "" {
			*p = rand.Text()
		}
	}
	var err error
	if cfg.Callout, err = cfg.Callout.filled(); err != nil {
		return nil, err
	}
	dir, lock, err := lockDir(cfg.Dir, "nats")
	if err != nil {
		return nil, err
	}
	srv, err := runNATS(cfg, dir)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return &NATS{cfg: cfg, srv: srv, lock: lock, dir: dir}, nil
}

func runNATS(cfg NATSConfig, dir string) (*server.Server, error) {
	if err := checkPort(cfg); err != nil {
		return nil, err
	}
	opts, err := natsOptions(cfg, dir)
	if err != nil {
		return nil, err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("configure NATS server: %w", err)
	}
	log := &natsLog{log: cfg.Log, fatal: make(chan string, 1)}
	srv.SetLoggerV2(log, false, false, false)
	started := make(chan struct{})
	go func() {
		srv.Start() // returns once all parts are up, or after a fatal log line
		close(started)
	}()
	err = awaitStart(srv, started, log.fatal)
	if err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, err
	}
	return srv, nil
}

func awaitStart(srv *server.Server, started <-chan struct{}, fatal <-chan string) error {
	limit := time.NewTimer(startTimeout)
	defer limit.Stop()
	select {
	case text := <-fatal:
		return fmt.Errorf("start NATS server: %s", text)
	case <-limit.C:
		return fmt.Errorf("start NATS server: not ready after %v", startTimeout)
	case <-started:
	}
	select {
	case text := <-fatal:
		return fmt.Errorf("start NATS server: %s", text)
	default:
	}
	if !srv.ReadyForConnections(startTimeout) {
		return fmt.Errorf("start NATS server: not ready after %v", startTimeout)
	}
	return nil
}

func natsOptions(cfg NATSConfig, dir string) (*server.Options, error) {
	opts := &server.Options{
		ServerName:        "mesh",
		Host:              cfg.Host,
		Port:              cfg.Port,
		DontListen:        cfg.NoListen,
		NoSigs:            true,
		Users:             natsUsers(cfg),
		MaxPayload:        MaxPayload,
		MaxConn:           maxConns,
		WriteDeadline:     writeDeadline,
		JetStream:         true,
		StoreDir:          dir,
		JetStreamMaxStore: cfg.MaxStore,
		SyncAlways:        !cfg.SyncAtStop,
	}
	if cfg.Callout == nil {
		return opts, nil
	}
	return opts, cfg.Callout.apply(opts)
}

// ErrPortInUse is the sentinel for a port that another program listens on.
var ErrPortInUse = &domain.Error{Kind: domain.Conflict, Code: "port_in_use", Message: "the port is in use"}

// checkPort finds out beforehand what the server would only log.
func checkPort(cfg NATSConfig) error {
	if cfg.NoListen || cfg.Port < 0 {
		return nil
	}
	addr := net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	l, err := net.Listen("tcp", addr) //nolint:noctx // on this machine it does not block
	if errors.Is(err, syscall.EADDRINUSE) {
		return ErrPortInUse.Sayf("another program listens on %s: stop it, or choose another port for NATS", addr)
	}
	if err != nil {
		return fmt.Errorf("listen for NATS: %w", err)
	}
	return l.Close()
}

// Connect opens a connection within the process as the user that may do
// everything. Options given override the defaults; ctx limits the connecting.
func (n *NATS) Connect(ctx context.Context, opts ...nats.Option) (*nats.Conn, error) {
	return n.connect(ctx, nats.UserInfo(meshUser, n.cfg.MeshPassword), opts)
}

func (n *NATS) connect(ctx context.Context, login nats.Option, opts []nats.Option) (*nats.Conn, error) {
	all := []nats.Option{
		nats.InProcessServer(n.srv),
		login,
		nats.Name("mesh"),
		nats.CustomInboxPrefix(meshInbox),
	}
	if deadline, ok := ctx.Deadline(); ok {
		all = append(all, nats.Timeout(time.Until(deadline)))
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	nc, err := nats.Connect("", append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return nc, nil
}

// URL returns where the server listens, without credentials; it is empty for
// a server that does not listen.
func (n *NATS) URL() string {
	if n.cfg.NoListen {
		return ""
	}
	return n.srv.ClientURL()
}

// AgentUser returns the credentials that agents share: they reach the command
// endpoints, signals and inboxes, and neither the log nor JetStream. With a
// Callout there is no such user.
func (n *NATS) AgentUser() (user, password string) { return agentUser, n.cfg.AgentPassword }

// NATSStats is a look at the server.
type NATSStats struct {
	Connections int
	StoreBytes  uint64 // used by all streams on disk
}

// Stats returns the present figures. It is cheap enough for every scrape.
func (n *NATS) Stats() NATSStats {
	s := NATSStats{Connections: n.srv.NumClients()}
	if js, err := n.srv.Jsz(nil); err == nil {
		s.StoreBytes = js.Store
	}
	return s
}

// Stop shuts the server down, waits until its files are closed, and frees the
// directory. When ctx ends first, its error is returned and the directory
// stays locked until the process ends.
func (n *NATS) Stop(ctx context.Context) error {
	down := make(chan struct{})
	go func() {
		n.srv.Shutdown()
		n.srv.WaitForShutdown()
		close(down)
	}()
	select {
	case <-down:
		var err error
		if n.cfg.SyncAtStop {
			err = syncDir(n.dir)
		}
		return errors.Join(err, n.lock.Release())
	case <-ctx.Done():
		return fmt.Errorf("stop NATS server: %w", ctx.Err())
	}
}
