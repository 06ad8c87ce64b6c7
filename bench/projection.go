package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
)

// How much the projection benchmark works on. A decision is one event, mostly.
const (
	projectionDecisions = 1_000_000
	lagRate             = 500 // events per second
	lagLength           = 10 * time.Second
)

// projection measures rebuild, live catch-up and lag over a log of a million
// events, on a synced Postgres, beside plain pipelined statements that write
// the same rows.
func projection(ctx context.Context, o Options) (err error) {
	dir := filepath.Join(o.Dir, "projection")
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir, NoListen: true, Log: zerolog.Nop()})
	if err != nil {
		return fmt.Errorf("start NATS: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	nc, err := server.Connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer nc.Close()
	store, err := eventstore.Open(ctx, nc, eventstore.Config{Stream: "EVENTS", Log: zerolog.Nop()})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: dir, Log: zerolog.Nop(), Progress: o.Progress})
	if err != nil {
		return fmt.Errorf("start Postgres: %w", err)
	}
	defer func() { err = errors.Join(err, pg.Stop(context.WithoutCancel(ctx))) }()
	pool, err := pgxpool.New(ctx, pg.URL())
	if err != nil {
		return fmt.Errorf("prepare the pool: %w", err)
	}
	defer pool.Close()
	o.Progress(fmt.Sprintf("appending %d decisions", projectionDecisions))
	if err := projectionstest.New(1).Append(ctx, store, projectionDecisions); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	return measureProjection(ctx, o, projectionstest.Bench{Pool: pool, Store: store, Log: zerolog.Nop()})
}

func measureProjection(ctx context.Context, o Options, b projectionstest.Bench) error {
	var rebuild, catchUp, plain, lag sample
	for range o.Runs {
		for _, m := range []struct {
			into *sample
			run  func(context.Context) (float64, error)
		}{{&rebuild, b.Rebuild}, {&plain, b.Plain}, {&catchUp, b.CatchUp}} {
			v, err := m.run(ctx)
			if err != nil {
				return err
			}
			*m.into = append(*m.into, v)
		}
		took, err := b.Lag(ctx, lagRate, lagLength)
		if err != nil {
			return err
		}
		lag = append(lag, ms(took[(len(took)-1)*99/100]))
	}
	const of = "plain pipelined statements"
	o.Report(figure("projection_rebuild", "events/s", rebuild, of, plain))
	o.Report(figure("projection_live_catch_up", "events/s", catchUp, of, plain))
	o.Report(figure("projection_lag_p99_500_per_s", "ms", lag, "", nil))
	return nil
}
