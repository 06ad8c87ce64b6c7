package projections

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Count is the number of tasks of one queue and status now.
type Count struct {
	Queue  string
	Status string
	Tasks  int64
}

// HourCount is how many tasks of a queue entered a status within the hour
// that begins at Hour (UTC).
type HourCount struct {
	Hour   time.Time
	Queue  string
	Status string
	Tasks  int64
}

// Counts sums up a tenant's tasks. Hourly covers the last 24 hours, oldest first.
type Counts struct {
	Now    []Count
	Hourly []HourCount
	Seq    uint64
	Lag    uint64
}

type countKey struct{ tenant, queue, status string }

type hourKey struct {
	countKey
	hour time.Time
}

// sums gathers what the row transitions of a batch add to the counts. It
// keeps zero sums, so that the rows do not depend on where batches are cut.
type sums struct {
	now    map[countKey]int64
	hourly map[hourKey]int64
}

func newSums() sums {
	return sums{now: map[countKey]int64{}, hourly: map[hourKey]int64{}}
}

// move says that a task went from one status to another; from is "" for a new one.
func (s sums) move(tenant, queue, from, to string, at time.Time) {
	if from == to {
		return
	}
	if from != "" {
		s.now[countKey{tenant, queue, from}]--
	}
	k := countKey{tenant, queue, to}
	s.now[k]++
	s.hourly[hourKey{k, at.UTC().Truncate(time.Hour)}]++
}

// flush queues the statements that add the sums, and begins anew.
func (s sums) flush(b *pgx.Batch, schema string) {
	if len(s.now) == 0 {
		return
	}
	var tenants, queues, states []string
	var n []int64
	for k, d := range s.now {
		tenants, queues, states, n = append(tenants, k.tenant), append(queues, k.queue), append(states, k.status), append(n, d)
	}
	b.Queue(in(schema, `INSERT INTO {s}.count AS t (tenant, queue, status, tasks)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
		ON CONFLICT (tenant, queue, status) DO UPDATE SET tasks = t.tasks + excluded.tasks`), tenants, queues, states, n)

	tenants, queues, states, n = nil, nil, nil, nil
	var hours []time.Time
	for k, d := range s.hourly {
		tenants, queues, states, n = append(tenants, k.tenant), append(queues, k.queue), append(states, k.status), append(n, d)
		hours = append(hours, k.hour)
	}
	b.Queue(in(schema, `INSERT INTO {s}.hourly AS t (tenant, hour, queue, status, tasks)
		SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[])
		ON CONFLICT (tenant, hour, queue, status) DO UPDATE SET tasks = t.tasks + excluded.tasks`), tenants, hours, queues, states, n)
	clear(s.now)
	clear(s.hourly)
}

// Counts returns how many tasks of each queue and status there are, and how
// many entered each status in each of the last 24 hours. after is as in Query.
func (p *Projections) Counts(ctx context.Context, tenant string, after uint64) (Counts, error) {
	var out Counts
	at, err := p.ask(ctx, "tasks", after, func(ctx context.Context, q querier, at pointer) error {
		rows, err := q.Query(ctx, in(at.schema, `SELECT queue, status, tasks FROM {s}.count WHERE tenant = $1 AND tasks <> 0 ORDER BY queue, status`), described, tenant)
		if err != nil {
			return err
		}
		if out.Now, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Count]); err != nil {
			return err
		}
		rows, err = q.Query(ctx, in(at.schema, `SELECT hour, queue, status, tasks FROM {s}.hourly WHERE tenant = $1 AND hour > $2 ORDER BY hour, queue, status`),
			described, tenant, p.cfg.Now().Add(-24*time.Hour))
		if err != nil {
			return err
		}
		out.Hourly, err = pgx.CollectRows(rows, pgx.RowToStructByPos[HourCount])
		return err
	})
	out.Seq, out.Lag = at.seq, at.lag
	return out, err
}
