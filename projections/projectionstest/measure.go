package projectionstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

// Bench measures read models on a filled log and a database of its own.
type Bench struct {
	Pool  *pgxpool.Pool
	Store *eventstore.Store
	Log   zerolog.Logger
}

func (b Bench) open(ctx context.Context) (*projections.Projections, uint64, error) {
	p, err := projections.Open(ctx, projections.Config{Pool: b.Pool, Store: b.Store, Log: b.Log, Node: "bench"})
	if err != nil {
		return nil, 0, err
	}
	last, err := b.Store.LastSeq(ctx)
	return p, last, err
}

// Rebuild returns the events per second of a rebuild of all read models,
// indexes and statistics included.
func (b Bench) Rebuild(ctx context.Context) (float64, error) {
	p, last, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := p.Rebuild(ctx, "", nil); err != nil {
		return 0, err
	}
	return float64(last) / time.Since(begun).Seconds(), nil
}

// CatchUp returns the events per second of the live lane over the whole log,
// from empty tables with all indexes in place. It follows a Rebuild.
func (b Bench) CatchUp(ctx context.Context) (float64, error) {
	if err := b.empty(ctx); err != nil {
		return 0, err
	}
	p, last, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	err = running(ctx, p, func(ctx context.Context) error { return reached(ctx, p, last) })
	return float64(last) / time.Since(begun).Seconds(), err
}

// Lag appends at a steady rate and returns how long after its
// acknowledgement an event was seen by a query, sorted; every fifth is asked for.
func (b Bench) Lag(ctx context.Context, perSecond int, length time.Duration) ([]time.Duration, error) {
	p, last, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	var all lags
	err = running(ctx, p, func(ctx context.Context) error {
		if err := reached(ctx, p, last); err != nil {
			return err
		}
		h := New(uint64(time.Now().UnixNano())) // an agent or task of its own
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for n := range int(length.Seconds() * float64(perSecond)) {
			<-tick.C
			st, _ := h.submit()
			all.Add(1)
			b.Store.AppendAsync(st.decision, func(r eventstore.Receipt, err error) {
				go all.see(ctx, p, n, r.Last(), time.Now(), err)
			})
		}
		all.Wait()
		return errors.Join(all.errs...)
	})
	slices.Sort(all.took)
	return all.took, err
}

// lags gathers what Lag measures.
type lags struct {
	sync.WaitGroup
	mu   sync.Mutex
	took []time.Duration
	errs []error
}

func (l *lags) see(ctx context.Context, p *projections.Projections, n int, seq uint64, at time.Time, err error) {
	defer l.Done()
	if err == nil && n%5 != 0 {
		return
	}
	if err == nil {
		var page projections.Page[projections.Event]
		page, err = p.Events(ctx, "default", projections.Query{After: seq, Limit: 1})
		if err == nil && page.Seq < seq {
			err = fmt.Errorf("event %d was not seen in time", seq)
		}
	}
	took := time.Since(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	l.took = append(l.took, took)
}

// running calls then while p runs.
func running(ctx context.Context, p *projections.Projections, then func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	err := then(ctx)
	cancel()
	<-done
	return err
}

func reached(ctx context.Context, p *projections.Projections, seq uint64) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if h := p.Health(); h.Connected && h.Owner && h.Seq >= seq {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// generations names the schemas of the live generations.
func (b Bench) generations(ctx context.Context) ([]string, error) {
	rows, err := b.Pool.Query(ctx, `SELECT 'proj_' || name || '_v' || version || '_g' || generation FROM projection_live ORDER BY name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (b Bench) tables(ctx context.Context, schema string) ([]string, error) {
	rows, err := b.Pool.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1`, schema)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// empty sets the live generations back to the beginning of the log.
func (b Bench) empty(ctx context.Context) error {
	schemas, err := b.generations(ctx)
	if err != nil {
		return err
	}
	for _, s := range schemas {
		tables, err := b.tables(ctx, s)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if _, err := b.Pool.Exec(ctx, "TRUNCATE "+s+"."+t); err != nil {
				return err
			}
		}
	}
	_, err = b.Pool.Exec(ctx, "UPDATE projection_checkpoint SET seq = 0, event_id = ''")
	return err
}
