package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hivemesh/hivemesh/embedded/internal/pg"
	"github.com/hivemesh/hivemesh/internal/flock"
)

const (
	templateName = "template_mesh"
	readyFile    = "ready" // the server's URL; written last, removed first
	fullPause    = 100 * time.Millisecond
	tooMany      = "53300" // too_many_connections
)

// holder is a session that keeps the shared server running.
type holder struct {
	conn *pgx.Conn
	base url.URL
}

// shared is the server of all test processes, or one like it.
type shared struct {
	dir  string // holds the cluster and what the processes agree by
	idle time.Duration
	logf func(string, ...any)
}

// sharedServer is the one whose directory is beside the bundles.
func sharedServer(logf func(string, ...any)) (shared, error) {
	search, err := pg.DefaultSearch(nil)
	if err != nil {
		return shared{}, err
	}
	dir := filepath.Join(search.Cache, "test")
	return shared{dir: dir, idle: idleTime, logf: logf}, pg.MakePublic(dir)
}

// attach takes part in the server, and starts it when none runs or the one
// that runs is about to stop.
func (s shared) attach(ctx context.Context) (*holder, error) {
	if h, err := s.hold(ctx); err == nil {
		return h, nil
	}
	lock, err := flock.Wait(ctx, filepath.Join(s.dir, "lock"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Release() }()
	h, err := s.hold(ctx)
	for full(err) {
		select {
		case <-ctx.Done():
		case <-time.After(fullPause):
		}
		h, err = s.hold(ctx)
	}
	if err == nil || ctx.Err() != nil {
		return h, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s.hold(ctx)
}

// full reports whether the server refused because it has no session to spare.
func full(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == tooMany
}

// hold connects to the running server and takes its lock together with the
// other holders. It fails when there is none or it is stopping.
func (s shared) hold(ctx context.Context) (*holder, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, readyFile))
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, base.String())
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, "SELECT pg_advisory_lock_shared($1)", useLock); err == nil {
		err = s.ensureReaper(ctx, conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return &holder{conn: conn, base: *base}, nil
}

// start makes a new server in place of what is left of the last one. The
// caller has the lock.
func (s shared) start(ctx context.Context) error {
	ready := filepath.Join(s.dir, readyFile)
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	clusterDir := filepath.Join(s.dir, "cluster")
	if err := pg.StopAt(ctx, clusterDir); err != nil {
		return err
	}
	if err := os.RemoveAll(clusterDir); err != nil {
		return err
	}
	progress := func(line string) { s.logf("PostgreSQL for tests: %s", line) }
	search, err := pg.DefaultSearch(progress)
	if err != nil {
		return err
	}
	in, err := pg.Locate(ctx, search)
	if err != nil {
		return err
	}
	c, err := pg.OpenCluster(ctx, in, clusterDir, testSettings(), progress)
	if err != nil {
		return err
	}
	if err := c.StartDetached(ctx); err != nil {
		return err
	}
	if _, err := c.Prepare(ctx, templateName); err != nil {
		return err
	}
	if err := s.startReaper(ctx, c.URL("postgres")); err != nil {
		return fmt.Errorf("start the reaper: %w", err)
	}
	return os.WriteFile(ready, []byte(c.URL("postgres")+"\n"), 0o600)
}

// testSettings make a server fast that nobody needs after a crash.
func testSettings() []string {
	return []string{
		"fsync = off",
		"full_page_writes = off",
		"synchronous_commit = off",
		"max_connections = 400",
		"shared_buffers = 128MB",
		"max_wal_size = 2GB",
		"checkpoint_timeout = 60min",
		"wal_level = minimal",
		"max_wal_senders = 0",
		"max_logical_replication_workers = 0",
		"max_parallel_maintenance_workers = 0",
		"log_checkpoints = off",
	}
}
