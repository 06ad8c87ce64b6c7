package embedded

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded/internal/pg"
	"github.com/hivemesh/hivemesh/internal/flock"
)

const database = "mesh"

// PostgresConfig is how to run a private PostgreSQL server. Only Dir is
// needed.
type PostgresConfig struct {
	Dir      string         // the cluster is Dir/postgres
	Log      zerolog.Logger // the server's warnings and errors
	Progress func(string)   // told of long work, one line each; may be nil
}

// Postgres is a running private PostgreSQL server. It is started again when it
// ends by itself, and it ends with this process, however that ends.
type Postgres struct {
	cluster *pg.Cluster
	vector  string
	lock    *flock.Lock
	log     zerolog.Logger

	mu     sync.Mutex
	server *pg.Server

	stopping   context.Context //nolint:containedctx // ends with Stop, not with a call
	stop       context.CancelFunc
	supervised chan struct{} // closed when nobody starts the server again
}

// StartPostgres finds or provisions PostgreSQL with pgvector, makes the
// cluster if there is none, and returns when its database takes connections
// and has the extension vector. It returns ErrDirInUse when another mesh has
// the directory, and an error that says what to install when there is no
// PostgreSQL to be had. A first start on a machine may take a minute; ctx
// limits it, and does not end the server.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	dir, lock, err := lockDir(cfg.Dir, "postgres")
	if err != nil {
		return nil, err
	}
	p, err := startPostgres(ctx, cfg, dir)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	p.lock = lock
	return p, nil
}

func startPostgres(ctx context.Context, cfg PostgresConfig, dir string) (*Postgres, error) {
	search, err := pg.DefaultSearch(cfg.Progress)
	if err != nil {
		return nil, err
	}
	if search.Major, err = pg.ClusterMajor(dir); err != nil {
		return nil, err
	}
	in, err := pg.Locate(ctx, search)
	if err != nil {
		return nil, err
	}
	cluster, err := pg.OpenCluster(ctx, in, dir, readModelSettings(), cfg.Progress)
	if err != nil {
		return nil, err
	}
	log := pg.NewLog(cfg.Log)
	server, err := cluster.Start(ctx, log)
	if err != nil {
		return nil, err
	}
	vector, err := cluster.Prepare(ctx, database)
	if err != nil {
		return nil, errors.Join(err, server.Kill())
	}
	p := &Postgres{cluster: cluster, server: server, vector: vector, log: cfg.Log, supervised: make(chan struct{})}
	p.stopping, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	go p.supervise(log)
	return p, nil
}

// readModelSettings suit tables that are written in batches and may be built
// anew at any time. They stand in postgresql.conf, where the user may change
// them. Durability is left alone: each session asks for what it needs.
func readModelSettings() []string {
	return []string{
		"max_connections = 200",
		"shared_buffers = 256MB",
		"work_mem = 16MB",
		"maintenance_work_mem = 256MB",
		"max_wal_size = 4GB",
		"checkpoint_timeout = 15min",
		"wal_level = minimal",
		"max_wal_senders = 0",
		"max_logical_replication_workers = 0",
		"random_page_cost = 1.1",
		"max_parallel_maintenance_workers = 0", // pgvector before 0.8.2 overflows in parallel builds
		"log_min_messages = log",               // clients are told of their own errors
		"log_checkpoints = off",
		"jit = off",                // searches are short: compiling them takes longer
		"autovacuum_naptime = 10s", // a search by words goes by statistics of the words
	}
}

// URL returns the connection string of the database, password included.
func (p *Postgres) URL() string { return p.cluster.URL(database) }

// Version returns the versions of server and extension, such as
// "18.6, pgvector 0.8.7".
func (p *Postgres) Version() string { return p.cluster.In.Version + ", pgvector " + p.vector }

func (p *Postgres) release(err error) error { return errors.Join(err, p.lock.Release()) }

// PostgresURL returns the connection string of the server that another
// process of this machine runs in dir, as StartPostgres was told it.
func PostgresURL(dir string) (string, error) {
	c, err := pg.ReadCluster(filepath.Join(dir, "postgres"))
	if err != nil {
		return "", err
	}
	return c.URL(database), nil
}
