// Command peers runs no-op jobs through River on a Postgres that is given, the
// way "mesh bench" runs no-op tasks through the mesh: the same number, callers
// and slots. It prints one JSON object with the figures.
//
//	peers --pg postgres://… --jobs 10000 --callers 64 --slots 1000 [--backlog]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1) //nolint:gocritic // the deferred stop only resets signals
	}
}

// options are the command line's.
type options struct {
	pg             string
	jobs           int
	callers, slots int
	backlog        bool // insert everything first, then measure only the work
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.pg, "pg", "", "Postgres URL; River's tables are made there")
	flag.IntVar(&o.jobs, "jobs", 10_000, "number of jobs")
	flag.IntVar(&o.callers, "callers", 64, "concurrent inserters")
	flag.IntVar(&o.slots, "slots", 1000, "jobs worked on at once")
	flag.BoolVar(&o.backlog, "backlog", false, "insert all jobs before the work begins")
	flag.Parse()
	cfg, err := pgxpool.ParseConfig(o.pg)
	if err != nil {
		return fmt.Errorf("read --pg: %w", err)
	}
	cfg.MaxConns = int32(o.callers) + 20
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	figures, err := measure(ctx, pool, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures)
}

// args is a job that does nothing.
type args struct {
	N  int       `json:"n"`
	At time.Time `json:"at"`
}

// Kind is the job's name in the database.
func (args) Kind() string { return "noop" }

// worker counts jobs and notes how long each waited.
type worker struct {
	river.WorkerDefaults[args]
	want  int64
	done  atomic.Int64
	ended chan struct{}
	mu    sync.Mutex
	waits []float64 // ms
}

// Work does nothing but count.
func (w *worker) Work(_ context.Context, job *river.Job[args]) error {
	wait := float64(time.Since(job.Args.At)) / float64(time.Millisecond)
	w.mu.Lock()
	w.waits = append(w.waits, wait)
	w.mu.Unlock()
	if w.done.Add(1) == w.want {
		close(w.ended)
	}
	return nil
}

func measure(ctx context.Context, pool *pgxpool.Pool, o options) (map[string]float64, error) {
	w := &worker{want: int64(o.jobs), ended: make(chan struct{})}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.slots}},
		Workers: workers, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	if o.backlog {
		if err := insertAll(ctx, client, o.jobs); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	if err := client.Start(ctx); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	if !o.backlog {
		if err := insertEach(ctx, client, o); err != nil {
			return nil, err
		}
	}
	select {
	case <-w.ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := completed(ctx, pool); err != nil {
		return nil, err
	}
	took := time.Since(began)
	if err := client.Stop(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("stop: %w", err)
	}
	slices.Sort(w.waits)
	return map[string]float64{
		"per_second": float64(o.jobs) / took.Seconds(),
		"p50_ms":     w.waits[len(w.waits)/2],
		"p99_ms":     w.waits[len(w.waits)*99/100],
	}, nil
}

// completed waits until every job is completed in the database: River commits
// that in batches, after the work.
func completed(ctx context.Context, pool *pgxpool.Pool) error {
	for {
		var open bool
		if err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM river_job WHERE state <> 'completed')`).Scan(&open); err != nil {
			return fmt.Errorf("look for open jobs: %w", err)
		}
		if !open {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// insertEach inserts every job by a call of its own, from o.callers at once.
func insertEach[T any](ctx context.Context, client *river.Client[T], o options) error {
	errs := make(chan error, o.callers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range o.callers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(o.jobs); n = next.Add(1) {
				if _, err := client.Insert(ctx, args{N: int(n), At: time.Now()}, nil); err != nil {
					errs <- fmt.Errorf("insert: %w", err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// insertAll inserts the jobs in batches of 1,000.
func insertAll[T any](ctx context.Context, client *river.Client[T], jobs int) error {
	for left := jobs; left > 0; left -= 1000 {
		batch := make([]river.InsertManyParams, min(1000, left))
		for i := range batch {
			batch[i] = river.InsertManyParams{Args: args{N: i, At: time.Now()}}
		}
		if _, err := client.InsertManyFast(ctx, batch); err != nil {
			return fmt.Errorf("insert a batch: %w", err)
		}
	}
	return nil
}
