package projections_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// killBackends ends the sessions of lanes, as a crash of Postgres would.
func killBackends(t testing.TB, pool *pgxpool.Pool, like string) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1`, like).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilledMidway ends the lane's session again and again while a history is
// written, at whatever place it happens to be.
func TestKilledMidway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	h := projectionstest.New(7)
	killed := 0
	for range 5 {
		if err := h.Append(t.Context(), b.store, 200); err != nil {
			t.Fatal(err)
		}
		killed += killBackends(t, b.pool, "mesh lane%")
		eventually(t, "an owner", func() bool { return b.p.Health().Owner })
	}
	if killed == 0 {
		t.Fatal("no lane was ever killed")
	}
	b.caughtUp(t)
	b.mustVerify(t)
}

// mustVerify compares every live table with a rebuilt one.
func (b *bundle) mustVerify(t testing.TB) {
	t.Helper()
	for _, name := range b.names(t) {
		v, err := b.p.Verify(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !v.Equal {
			t.Errorf("%s differs: %s", name, v.Difference)
		}
	}
}

// TestTwoOwners takes the live lane away from one node by ending its session:
// the other goes on, nothing is written twice.
func TestTwoOwners(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stop := run(t, b.p)
	h := projectionstest.New(9)
	for range 2 { // what comes after a first catching-up is applied by the live lanes, so that it owns all of them
		if err := h.Append(t.Context(), b.store, 50); err != nil {
			t.Fatal(err)
		}
		b.caughtUp(t)
	}
	other := b.open(t, b.store)
	run(t, other)
	for range 4 {
		if err := h.Append(t.Context(), b.store, 200); err != nil {
			t.Fatal(err)
		}
	}
	if other.Health().Owner {
		t.Fatal("two nodes own the live lane")
	}
	stop()
	if err := h.Append(t.Context(), b.store, 200); err != nil {
		t.Fatal(err)
	}
	b.p = other
	b.caughtUp(t)
	if !other.Health().Owner {
		t.Error("the other node did not take over")
	}
	b.mustVerify(t)
}

// TestFenced lets somebody else raise the owner epoch under a running lane.
func TestFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	h := projectionstest.New(10)
	for range 5 {
		if err := h.Append(t.Context(), b.store, 200); err != nil {
			t.Fatal(err)
		}
		if _, err := b.pool.Exec(t.Context(), `WITH o AS MATERIALIZED (SELECT name, version, generation FROM projection_checkpoint ORDER BY name FOR UPDATE) -- in the order of the lane
			UPDATE projection_checkpoint c SET owner_epoch = owner_epoch + 1 FROM o
			WHERE (c.name, c.version, c.generation) = (o.name, o.version, o.generation)`); err != nil {
			t.Fatal(err)
		}
	}
	b.caughtUp(t)
	b.mustVerify(t)
}

func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	eventually(t, "an owner", func() bool { return b.p.Health().Owner })
	h := projectionstest.New(11)
	for range 20 {
		if err := h.Append(t.Context(), b.store, 20); err != nil {
			t.Fatal(err)
		}
		last, err := b.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		page, err := b.p.Events(t.Context(), h.Tenant, projections.Query{After: last, Limit: 1})
		if err != nil || len(page.Items) != 1 || page.Items[0].Seq != last || page.Seq < last {
			t.Fatalf("after %d: %+v, %v", last, page, err)
		}
	}
}

func TestAnswersBehindAfterTheLimit(t *testing.T) {
	t.Parallel()
	b := setup(t) // nobody feeds the read models
	if err := projectionstest.New(12).Append(t.Context(), b.store, 20); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	page, err := b.p.Tasks(t.Context(), "default", projections.Query{After: 10})
	if err != nil || page.Seq != 0 || page.Lag == 0 || time.Since(begun) < 4*time.Second {
		t.Fatalf("%+v, %v after %s", page, err, time.Since(begun))
	}
}

func TestQueriesDuringRebuilds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.p)
	h := projectionstest.New(13)
	if err := h.Append(t.Context(), b.store, 1000); err != nil {
		t.Fatal(err)
	}
	b.caughtUp(t)
	done := make(chan error, 1)
	go func() {
		for range 4 {
			if err := b.p.Rebuild(t.Context(), "", nil); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	queries := 0
	for {
		select {
		case err := <-done:
			if err != nil || queries == 0 {
				t.Fatalf("%d queries, rebuild: %v", queries, err)
			}
			b.caughtUp(t)
			b.mustVerify(t)
			return
		default:
		}
		if err := h.Append(t.Context(), b.store, 10); err != nil {
			t.Fatal(err)
		}
		last, err := b.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		page, err := b.p.Events(t.Context(), h.Tenant, projections.Query{After: last, Limit: 1})
		if err != nil || len(page.Items) != 1 || page.Items[0].Seq < last {
			t.Fatalf("query during a rebuild, after %d: %+v, %v", last, page, err)
		}
		if _, err := b.p.Agents(t.Context(), h.Tenant, projections.Query{}); err != nil {
			t.Fatal(err)
		}
		queries++
	}
}

// TestBuildsItself opens the read models of a log that has events already.
func TestBuildsItself(t *testing.T) {
	t.Parallel()
	b := &bundle{store: newStore(t), pool: newPool(t, embeddedtest.PostgresURL(t))}
	if err := projectionstest.New(14).Append(t.Context(), b.store, 500); err != nil {
		t.Fatal(err)
	}
	b.p = b.open(t, b.store)
	_, err := b.p.Tasks(t.Context(), "default", projections.Query{})
	var told *domain.Error
	if !errors.As(err, &told) || told.Kind != domain.Unavailable || !strings.Contains(told.Message, "rebuilding") {
		t.Fatalf("before Run: %v", err)
	}
	run(t, b.p)
	b.caughtUp(t)
	b.mustVerify(t)
}

func TestNoPostgres(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	p, err := projections.Open(t.Context(), projections.Config{Pool: pool, Store: newStore(t), Log: zerolog.Nop()})
	if err != nil {
		t.Fatalf("Open without Postgres: %v", err)
	}
	run(t, p)
	begun := time.Now()
	if _, err := p.Tasks(t.Context(), "default", projections.Query{After: 1}); domain.KindOf(err) != domain.Unavailable || time.Since(begun) > time.Second {
		t.Errorf("got %v after %s", err, time.Since(begun))
	}
	if h := p.Health(); h.Connected {
		t.Errorf("healthy without Postgres: %+v", h)
	}
}

// TestNodesStartTogether opens an empty database from several nodes at once:
// one generation of each read model is made.
func TestNodesStartTogether(t *testing.T) {
	t.Parallel()
	store, url := newStore(t), embeddedtest.PostgresURL(t)
	opened := make(chan error, 3)
	for range 3 {
		pool := newPool(t, url)
		go func() {
			_, err := projections.Open(t.Context(), projections.Config{Pool: pool, Store: store, Log: zerolog.Nop()})
			opened <- err
		}()
	}
	for range 3 {
		if err := <-opened; err != nil {
			t.Error(err)
		}
	}
	b := &bundle{store: store, pool: newPool(t, url)}
	b.p = b.open(t, store)
	var generations int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM projection_checkpoint`).Scan(&generations); err != nil || generations != len(b.names(t)) {
		t.Errorf("%d generations, %v", generations, err)
	}
}
