package projections_test

import (
	"context"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/projections"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// TestPostgresDiesUnderLoad kills the server while a history is written: the
// log goes on, queries are unavailable, and all is caught up afterwards.
func TestPostgresDiesUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func() *embedded.Postgres {
		pg, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		return pg
	}
	pg := start()
	defer func() { _ = pg.Stop(context.Background()) }()
	b := &bundle{store: newStore(t), pool: newPool(t, pg.URL())}
	b.p = b.open(t, b.store)
	stop := run(t, b.p)
	defer stop()
	h := projectionstest.New(40)
	written := make(chan error, 1)
	go func() { written <- h.Append(t.Context(), b.store, 3000) }()
	eventually(t, "rows", func() bool { return b.p.Health().Seq > 500 })
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.p.Tasks(t.Context(), h.Tenant, projections.Query{}); domain.KindOf(err) != domain.Unavailable {
		t.Errorf("a query without Postgres: %v", err)
	}
	if err := <-written; err != nil {
		t.Fatalf("the log stopped with Postgres: %v", err)
	}
	eventually(t, "the loss in Health", func() bool { return !b.p.Health().Connected })
	pg = start()
	b.caughtUp(t)
	eventually(t, "health", func() bool {
		h := b.p.Health()
		return h.Connected && h.Owner && h.Lag == 0 && h.Parked == 0 && h.Error == ""
	})
	b.mustVerify(t)
	b.pool.Close()
}
