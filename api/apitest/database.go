package apitest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// Database is a Postgres database that a test can cut off and bring back.
type Database struct {
	Pool *pgxpool.Pool
	url  string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
}

// openDatabase makes a pool that reaches an empty database, or the peer's.
func openDatabase(ctx context.Context, tb testing.TB, c Config) *Database {
	tb.Helper()
	d := &Database{cut: c.NoDatabase, conns: map[net.Conn]struct{}{}}
	if c.Peer != nil {
		d.url = c.Peer.Database.url
	} else {
		d.url = embeddedtest.PostgresURL(tb) //nolint:contextcheck // it takes none
	}
	cfg, err := pgxpool.ParseConfig(d.url)
	must(tb, err)
	cfg.MaxConns = 8
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if d.isCut() {
			return nil, errors.New("the test has cut Postgres off")
		}
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return d.track(c), nil
	}
	d.Pool, err = pgxpool.NewWithConfig(ctx, cfg)
	must(tb, err)
	tb.Cleanup(d.Pool.Close)
	return d
}

// Cut breaks every connection to Postgres and refuses new ones.
func (d *Database) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	for c := range d.conns {
		_ = c.Close()
	}
	clear(d.conns)
}

// Restore lets connections through again.
func (d *Database) Restore() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = false
}

func (d *Database) isCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

func (d *Database) track(c net.Conn) net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c] = struct{}{}
	return &tracked{Conn: c, d: d}
}

// tracked forgets itself when it is closed.
type tracked struct {
	net.Conn
	d *Database
}

// Close closes the connection.
func (c *tracked) Close() error {
	c.d.mu.Lock()
	delete(c.d.conns, c.Conn)
	c.d.mu.Unlock()
	return c.Conn.Close()
}
