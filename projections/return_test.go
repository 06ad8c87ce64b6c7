package projections_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(like ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.Lines(l.buf.String()) {
		all := true
		for _, s := range like {
			all = all && strings.Contains(line, s)
		}
		if all {
			n++
		}
	}
	return n
}

// gate lets connections through, or not.
type gate struct{ shut atomic.Bool }

func (g *gate) pool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if g.shut.Load() {
			return nil, errors.New("shut by the test")
		}
		return dial(ctx, network, address)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// TestResumesSoon lets Postgres return while the lanes make a long pause: they
// go on at once, and each says once that it owns its read models.
func TestResumesSoon(t *testing.T) {
	t.Parallel()
	var g gate
	var log lines
	url := embeddedtest.PostgresURL(t)
	b := &bundle{store: newStore(t), pool: g.pool(t, url)}
	var err error
	b.p, err = projections.Open(t.Context(), projections.Config{Pool: b.pool, Store: b.store, Log: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, b.p)
	h := projectionstest.New(50)
	if err := h.Append(t.Context(), b.store, 100); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	g.shut.Store(true)
	killBackends(t, newPool(t, url), "%")
	if err := h.Append(t.Context(), b.store, 100); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a long pause", func() bool { return log.count(`"pause":3200`, "the projection lane does not") == 2 })
	g.shut.Store(false)
	back := time.Now()
	b.caughtUp(t)
	if took := time.Since(back); took > 2500*time.Millisecond {
		t.Errorf("the lane went on after %s", took)
	}
	for want, line := range map[string]string{
		"owned": "this node feeds the read models", "stopped": "the projection lane stopped", "resumed": "the projection lane goes on",
	} {
		if n := log.count(line); n != 2 { // of each lane
			t.Errorf("%s: %q was logged %d times", want, line, n)
		}
	}
}

// silent takes connections and says nothing on them.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "postgres://nobody@" + l.Addr().String() + "/none?sslmode=disable"
}

// TestQueriesDoNotWaitForPreparation asks while Run waits for a server that
// does not answer.
func TestQueriesDoNotWaitForPreparation(t *testing.T) {
	t.Parallel()
	p, err := projections.Open(t.Context(), projections.Config{Pool: newPool(t, silent(t)), Store: newStore(t), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	run(t, p)
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		begun := time.Now()
		_, err := p.Tasks(t.Context(), "default", projections.Query{})
		if took := time.Since(begun); domain.KindOf(err) != domain.Unavailable || took > 300*time.Millisecond {
			t.Fatalf("got %v after %s", err, took)
		}
	}
}

// TestNamesTheFullDisk asks without a Postgres, whose disk has no room.
func TestNamesTheFullDisk(t *testing.T) {
	t.Parallel()
	pool := newPool(t, "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	room := func() error { return errors.New("/data has 3 MiB left") }
	p, err := projections.Open(t.Context(), projections.Config{Pool: pool, Store: newStore(t), Log: zerolog.Nop(), Room: room})
	if err != nil {
		t.Fatal(err)
	}
	run(t, p)
	_, err = p.Tasks(t.Context(), "default", projections.Query{})
	var told *domain.Error
	if !errors.As(err, &told) || told.Code != "postgres_full" || told.Kind != domain.Unavailable || !strings.Contains(told.Message, "3 MiB") {
		t.Errorf("a query: %v", err)
	}
	eventually(t, "health names the disk", func() bool { return strings.Contains(p.Health().Error, "disk is full: /data") })
}

// TestRefusesServers opens databases whose server has no pgvector for it, and
// one that is too old.
func TestRefusesServers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'`); err != nil {
		t.Fatal(err)
	}
	_, err := projections.Open(t.Context(), projections.Config{Pool: b.pool, Store: b.store, Log: zerolog.Nop()})
	var told *domain.Error
	if !errors.As(err, &told) || told.Code != "pgvector_too_old" || !strings.Contains(told.Message, "0.6.2") {
		t.Errorf("too old: %v", err)
	}
	if _, err := b.pool.Exec(t.Context(), `DROP EXTENSION vector CASCADE`); err != nil {
		t.Fatal(err)
	}
	cfg := b.pool.Config()
	cfg.ConnConfig.RuntimeParams["role"] = "pg_read_all_data" // which may make no extension
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	_, err = projections.Open(t.Context(), projections.Config{Pool: pool, Store: b.store, Log: zerolog.Nop()})
	if err == nil || domain.KindOf(err) == domain.Unavailable || !strings.Contains(err.Error(), "pgvector must be installed on the server") {
		t.Errorf("no extension: %v", err)
	}
}
