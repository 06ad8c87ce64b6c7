package bench

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
)

// bareRows is a read model with nothing around it: one row a task, written
// set-wise for what has gathered while the statement before ran.
type bareRows struct {
	conn  *pgx.Conn
	mu    sync.Mutex
	steps map[string]bareRow // to be written, the last state of each task
	wake  chan struct{}
	ended chan error
}

type bareRow struct {
	seq    int64
	status string
}

// newBareRows makes the table on a Postgres, anew.
func newBareRows(ctx context.Context, url string) (*bareRows, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	if _, err := conn.Exec(ctx, `SET synchronous_commit = off; DROP TABLE IF EXISTS bare_task;
		CREATE TABLE bare_task (id uuid PRIMARY KEY, seq bigint NOT NULL, status text NOT NULL)`); err != nil {
		return nil, fmt.Errorf("make a table: %w", err)
	}
	r := &bareRows{conn: conn, steps: map[string]bareRow{}, wake: make(chan struct{}, 1), ended: make(chan error, 1)}
	go func() { r.ended <- r.run(ctx) }()
	return r, nil
}

// add takes in a committed group.
func (r *bareRows) add(group []*step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range group {
		kind, _ := lifeEvent(s.of)
		r.steps[s.task] = bareRow{int64(s.last), kind}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run writes until wake is closed.
func (r *bareRows) run(ctx context.Context) error {
	for range r.wake {
		r.mu.Lock()
		steps := r.steps
		r.steps = map[string]bareRow{}
		r.mu.Unlock()
		var ids, states []string
		var seqs []int64
		for id, row := range steps {
			ids, seqs, states = append(ids, id), append(seqs, row.seq), append(states, row.status)
		}
		if _, err := r.conn.Exec(ctx, `INSERT INTO bare_task SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[])
			ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, status = excluded.status`, ids, seqs, states); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	return nil
}

// close ends the writing, and fails when not every task is there and completed.
func (r *bareRows) close(ctx context.Context, want int) error {
	close(r.wake)
	defer r.conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was left undone
	if err := <-r.ended; err != nil {
		return err
	}
	var n int
	if err := r.conn.QueryRow(ctx, `SELECT count(*) FROM bare_task WHERE status = 'task.completed'`).Scan(&n); err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	if n != want {
		return fmt.Errorf("%d of %d rows were written", n, want)
	}
	return nil
}
