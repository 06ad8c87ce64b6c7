package projections

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

func tasksDefinition() definition {
	return definition{name: "tasks", version: 1, kinds: []string{"task"}, open: newTasks, tables: []table{
		{
			name: "task", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
			status text NOT NULL, queue text NOT NULL, capabilities jsonb, priority bigint NOT NULL, labels jsonb,
			attempt bigint NOT NULL, failures bigint NOT NULL, max_attempts bigint NOT NULL, lease_ms bigint NOT NULL,
			agent text NOT NULL, reason text NOT NULL, progress bigint NOT NULL, message text NOT NULL,
			submitted_by text NOT NULL, submitted_at timestamptz NOT NULL, not_before timestamptz, deadline timestamptz,
			started_at timestamptz, finished_at timestamptz, updated_at timestamptz NOT NULL,
			input json, input_ref jsonb, result json, result_ref jsonb`,
			indexes: []string{
				"(tenant, first_seq)",
				"(tenant, status, first_seq) WHERE status <> 'completed'",
				"(tenant, agent) WHERE agent <> ''",
			},
		},
		{name: "attempt", key: "tenant, task, number", columns: `
			tenant text NOT NULL, task uuid NOT NULL, number bigint NOT NULL, agent text NOT NULL, outcome text NOT NULL,
			error text NOT NULL, assigned_at timestamptz NOT NULL, started_at timestamptz, ended_at timestamptz,
			log json, log_ref jsonb`},
		{name: "count", key: "tenant, queue, status", columns: `
			tenant text NOT NULL, queue text NOT NULL, status text NOT NULL, tasks bigint NOT NULL`},
		{name: "hourly", key: "tenant, hour, queue, status", columns: `
			tenant text NOT NULL, hour timestamptz NOT NULL, queue text NOT NULL, status text NOT NULL, tasks bigint NOT NULL`},
	}}
}

// taskRow is a row of the task table with the row of its current attempt.
// Payloads are there only until they have been written.
type taskRow struct {
	rowKey
	task.Task
	firstSeq, seq uint64
	by            string
	progress      int
	message       string
	started       time.Time
	finished      time.Time
	updated       time.Time
	result        domain.Payload
	attempt       *attemptRow
	fresh, dirty  bool
}

type attemptRow struct {
	rowKey
	number   int
	agent    string
	outcome  string
	err      string
	assigned time.Time
	started  time.Time
	ended    time.Time
	log      domain.Payload
	dirty    bool
}

// tasks is the read model of tasks, their attempts and their counts.
type tasks struct {
	rows     *workset[taskRow]
	changed  []*taskRow
	attempts []*attemptRow
	sums     sums
}

func newTasks() model {
	return &tasks{rows: newWorkset[taskRow](50_000), sums: newSums()}
}

func (t *tasks) asks(kind string) bool { return kind == "task" }

func (t *tasks) check(it *item) error { return it.decodable() }

func (t *tasks) reset() {
	t.rows.reset()
	t.changed, t.attempts, t.sums = nil, nil, newSums()
}

func (t *tasks) settle() { t.rows.settle() }

var errNoTask = errors.New("the task was never submitted")

func (t *tasks) fold(it *item) error {
	r := t.rows.get(it.row())
	if _, ok := it.task.(task.Submitted); ok && r == nil {
		r = &taskRow{rowKey: it.row(), firstSeq: it.Seq, by: it.Actor, fresh: true}
		r.ID = it.Entity.ID
		t.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoTask
	}
	if it.Seq <= r.seq {
		return nil
	}
	before := r.Status
	r.Task = r.Apply(it.task, it.Time)
	r.seq, r.updated = it.Seq, it.Time
	if r.Status.Final() && !before.Final() {
		r.finished = it.Time
	}
	t.detail(r, it)
	t.sums.move(it.Entity.Tenant, r.Spec.Queue, string(before), string(r.Status), it.Time)
	if !r.dirty {
		r.dirty = true
		t.changed = append(t.changed, r)
	}
	return nil
}

// detail folds what the row shows beyond the domain's state.
func (t *tasks) detail(r *taskRow, it *item) {
	switch e := it.task.(type) {
	case task.Assigned:
		r.progress, r.message, r.started = 0, "", time.Time{}
		r.attempt = &attemptRow{rowKey: r.rowKey, number: e.Attempt, agent: e.Agent, outcome: "assigned", assigned: it.Time}
		t.touch(r.attempt)
	case task.Started:
		t.begin(r, it.Time)
	case task.Progressed:
		t.begin(r, it.Time)
		r.progress, r.message = e.Percent, clean(e.Message)
	case task.Completed:
		r.result, r.progress = e.Result, 100
		t.end(r, it.Time, e.StartedAt, "completed", "", e.Log)
	case task.AttemptFailed:
		t.end(r, it.Time, e.StartedAt, string(e.Outcome), e.Error, e.Log)
	case task.LeaseExpired:
		t.end(r, it.Time, time.Time{}, string(e.Outcome), e.Reason, domain.Payload{})
	case task.AssignmentReturned:
		t.end(r, it.Time, time.Time{}, "returned", e.Reason, domain.Payload{})
	case task.DeadlineExceeded:
		t.end(r, it.Time, time.Time{}, "deadline", "", domain.Payload{})
	case task.Cancelled:
		t.end(r, it.Time, time.Time{}, "cancelled", e.Reason, domain.Payload{})
	case task.Requeued:
		r.finished, r.started, r.progress, r.message = time.Time{}, time.Time{}, 0, ""
	}
}

func (t *tasks) begin(r *taskRow, at time.Time) {
	if r.started.IsZero() {
		r.started = at
	}
	if a := r.attempt; a != nil && a.ended.IsZero() {
		a.started, a.outcome = r.started, "running"
		t.touch(a)
	}
}

// end closes the current attempt, if one is open.
func (t *tasks) end(r *taskRow, at, started time.Time, outcome, reason string, log domain.Payload) {
	a := r.attempt
	if a == nil || !a.ended.IsZero() {
		return
	}
	if a.started.IsZero() && !started.IsZero() {
		a.started, r.started = started, started
	}
	a.ended, a.outcome, a.err, a.log = at, outcome, clean(reason), log
	t.touch(a)
}

func (t *tasks) touch(a *attemptRow) {
	if !a.dirty {
		a.dirty = true
		t.attempts = append(t.attempts, a)
	}
}

func (t *tasks) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := t.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadTasks), tenants, ids).Query(t.loaded)
	}
}
