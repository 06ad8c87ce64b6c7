package projections_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is what a test works with: a log, a database, and read models that
// are not running yet.
type bundle struct {
	store *eventstore.Store
	pool  *pgxpool.Pool
	p     *projections.Projections
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{store: newStore(t), pool: newPool(t, embeddedtest.PostgresURL(t))}
	b.p = b.open(t, b.store)
	return b
}

func newPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func newStore(t testing.TB) *eventstore.Store {
	t.Helper()
	return storeOn(t, embeddedtest.NATS(t))
}

// storeOn opens the log of a server once more, as another node would.
func storeOn(t testing.TB, server *embedded.NATS) *eventstore.Store {
	t.Helper()
	nc, err := server.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s, err := eventstore.Open(t.Context(), nc, eventstore.Config{
		Stream: "EVENTS", Replicas: 1, Now: time.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

func (b *bundle) open(t testing.TB, s *eventstore.Store) *projections.Projections {
	t.Helper()
	p, err := projections.Open(t.Context(), projections.Config{Pool: b.pool, Store: s, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel), Node: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs p until the test ends or stop is called.
func run(t testing.TB, p *projections.Projections) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("Run did not return")
		}
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits for ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never came true: %s", what)
		}
	}
}

// caughtUp waits until every read model has reached the end of the log.
func (b *bundle) caughtUp(t testing.TB) uint64 {
	t.Helper()
	last, err := b.store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all read models at the end of the log", func() bool {
		states, err := b.p.States(t.Context())
		if err != nil {
			return false
		}
		for _, s := range states {
			if s.Seq < last || s.Generation == 0 {
				return false
			}
		}
		return true
	})
	return last
}

// names are those of all read models of this binary.
func (b *bundle) names(t testing.TB) []string {
	t.Helper()
	states, err := b.p.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = s.Name
	}
	return names
}

// schema is that of the live generation of a read model.
func (b *bundle) schema(t testing.TB, name string) string {
	t.Helper()
	var schema string
	if err := b.pool.QueryRow(t.Context(), `SELECT format('proj_%s_v%s_g%s', name, version, generation) FROM projection_live
		WHERE name = $1`, name).Scan(&schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// types are those of all events that the read models have met.
func (b *bundle) types(t testing.TB) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `SELECT DISTINCT type FROM `+b.schema(t, "events")+`.event`)
	if err != nil {
		t.Fatal(err)
	}
	types, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func (b *bundle) hash(t testing.TB, name string) string {
	t.Helper()
	h, _, err := b.p.Hash(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
