package projections

import (
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

// loadTasks reads what fold needs of a task and of its current attempt.
const loadTasks = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.status, t.queue, t.attempt, t.failures, t.agent, t.reason,
		t.progress, t.message, t.not_before, t.deadline, t.started_at, t.finished_at, t.updated_at,
		a.agent, a.outcome, a.error, a.assigned_at, a.started_at, a.ended_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id)
	JOIN {s}.task t ON t.tenant = k.tenant AND t.id = k.id
	LEFT JOIN {s}.attempt a ON a.tenant = t.tenant AND a.task = t.id AND a.number = t.attempt`

// loaded takes in the rows of loadTasks.
func (t *tasks) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &taskRow{}
		var notBefore, deadline, started, finished, assigned, began, ended *time.Time
		var agent, outcome, failure *string
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &r.Status, &r.Spec.Queue, &r.Attempt, &r.Failures, &r.Agent, &r.Reason,
			&r.progress, &r.message, &notBefore, &deadline, &started, &finished, &r.updated,
			&agent, &outcome, &failure, &assigned, &began, &ended); err != nil {
			return err
		}
		r.ID = r.id.String()
		r.NotBefore, r.Spec.Deadline, r.started, r.finished = orZero(notBefore), orZero(deadline), orZero(started), orZero(finished)
		if agent != nil {
			r.attempt = &attemptRow{
				rowKey: r.rowKey, number: r.Attempt, agent: *agent, outcome: *outcome, err: *failure,
				assigned: *assigned, started: orZero(began), ended: orZero(ended),
			}
		}
		t.rows.put(r.rowKey, r)
	}
	return rows.Err()
}

// flush writes new tasks whole, and of known ones what can change.
func (t *tasks) flush(b *pgx.Batch, schema string) {
	var fresh newTaskColumns
	var all taskColumns
	for _, r := range t.changed {
		if r.fresh {
			fresh.add(r)
		} else {
			all.add(r)
		}
	}
	if len(fresh.ids) > 0 {
		b.Queue(in(schema, insertTasks), fresh.args()...)
	}
	if len(all.ids) > 0 {
		b.Queue(in(schema, updateTasks), all.args()...)
	}
	t.flushAttempts(b, schema)
	t.sums.flush(b, schema)
	for _, r := range t.changed {
		r.fresh, r.dirty, r.result, r.Spec = false, false, domain.Payload{}, task.Spec{Queue: r.Spec.Queue, Deadline: r.Spec.Deadline}
		if r.Status.Final() {
			t.rows.drop(r.rowKey)
		}
	}
	t.changed = t.changed[:0]
}

// taskColumns holds the columns of rows that can change.
type taskColumns struct {
	tenants                                 []string
	ids                                     [][16]byte
	seqs, attempts, failures, progress      []int64
	status, agents, reasons, messages       []string
	notBefore, deadlines, started, finished []*time.Time
	updated                                 []time.Time
	results, resultRefs                     []*string
}

func (c *taskColumns) add(r *taskRow) {
	c.tenants, c.ids = append(c.tenants, r.tenant), append(c.ids, r.id)
	c.seqs, c.attempts = append(c.seqs, int64(r.seq)), append(c.attempts, int64(r.Attempt))
	c.failures, c.progress = append(c.failures, int64(r.Failures)), append(c.progress, int64(r.progress))
	c.status, c.agents = append(c.status, string(r.Status)), append(c.agents, r.Agent)
	c.reasons, c.messages = append(c.reasons, clean(r.Reason)), append(c.messages, r.message)
	c.notBefore, c.deadlines = append(c.notBefore, unset(r.NotBefore)), append(c.deadlines, unset(r.Spec.Deadline))
	c.started, c.finished = append(c.started, unset(r.started)), append(c.finished, unset(r.finished))
	c.updated = append(c.updated, r.updated)
	inline, ref := payload(r.result)
	c.results, c.resultRefs = append(c.results, inline), append(c.resultRefs, ref)
}

func (c *taskColumns) args() []any {
	return []any{
		c.tenants, c.ids, c.seqs, c.attempts, c.failures, c.progress, c.status, c.agents, c.reasons, c.messages,
		c.notBefore, c.deadlines, c.started, c.finished, c.updated, c.results, c.resultRefs,
	}
}

const taskArrays = `$1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[],
	$11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[], $17::text[]`

const updateTasks = `UPDATE {s}.task t SET seq = u.seq, attempt = u.attempt, failures = u.failures, progress = u.progress,
		status = u.status, agent = u.agent, reason = u.reason, message = u.message, not_before = u.not_before, deadline = u.deadline,
		started_at = u.started_at, finished_at = u.finished_at, updated_at = u.updated_at,
		result = coalesce(u.result::json, t.result), result_ref = coalesce(u.result_ref::jsonb, t.result_ref)
	FROM unnest(` + taskArrays + `) AS u(tenant, id, seq, attempt, failures, progress, status, agent, reason, message,
		not_before, deadline, started_at, finished_at, updated_at, result, result_ref)
	WHERE t.tenant = u.tenant AND t.id = u.id`

// newTaskColumns adds the columns that are written once.
type newTaskColumns struct {
	taskColumns
	firsts, priorities, maxAttempts, leases []int64
	queues, by                              []string
	capabilities, labels, inputs, inputRefs []*string
	submitted                               []time.Time
}

func (c *newTaskColumns) add(r *taskRow) {
	c.taskColumns.add(r)
	c.firsts, c.priorities = append(c.firsts, int64(r.firstSeq)), append(c.priorities, int64(r.Spec.Priority))
	c.maxAttempts, c.leases = append(c.maxAttempts, int64(r.Spec.Retry.MaxAttempts)), append(c.leases, int64(r.Spec.Lease))
	c.queues, c.by = append(c.queues, r.Spec.Queue), append(c.by, r.by)
	c.capabilities, c.labels = append(c.capabilities, list(r.Spec.Capabilities)), append(c.labels, labels(r.Spec.Labels))
	inline, ref := payload(r.Spec.Input)
	c.inputs, c.inputRefs = append(c.inputs, inline), append(c.inputRefs, ref)
	c.submitted = append(c.submitted, r.SubmittedAt)
}

func (c *newTaskColumns) args() []any {
	return append(c.taskColumns.args(), c.firsts, c.priorities, c.maxAttempts, c.leases, c.queues, c.by,
		c.capabilities, c.labels, c.inputs, c.inputRefs, c.submitted)
}

const insertTasks = `INSERT INTO {s}.task (tenant, id, seq, attempt, failures, progress, status, agent, reason, message,
		not_before, deadline, started_at, finished_at, updated_at, result, result_ref,
		first_seq, priority, max_attempts, lease_ms, queue, submitted_by, capabilities, labels, input, input_ref, submitted_at)
	SELECT tenant, id, seq, attempt, failures, progress, status, agent, reason, message,
		not_before, deadline, started_at, finished_at, updated_at, result::json, result_ref::jsonb,
		first_seq, priority, max_attempts, lease_ms, queue, submitted_by, capabilities::jsonb, labels::jsonb, input::json, input_ref::jsonb, submitted_at
	FROM unnest(` + taskArrays + `, $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::text[], $23::text[],
		$24::text[], $25::text[], $26::text[], $27::text[], $28::timestamptz[])
		AS u(tenant, id, seq, attempt, failures, progress, status, agent, reason, message,
		not_before, deadline, started_at, finished_at, updated_at, result, result_ref,
		first_seq, priority, max_attempts, lease_ms, queue, submitted_by, capabilities, labels, input, input_ref, submitted_at)`

// flushAttempts writes the attempts that began or changed.
func (t *tasks) flushAttempts(b *pgx.Batch, schema string) {
	if len(t.attempts) == 0 {
		return
	}
	var tenants, agents, outcomes, failures []string
	var ids [][16]byte
	var numbers []int64
	var assigned []time.Time
	var started, ended []*time.Time
	var logs, refs []*string
	for _, a := range t.attempts {
		tenants, ids, numbers = append(tenants, a.tenant), append(ids, a.id), append(numbers, int64(a.number))
		agents, outcomes, failures = append(agents, a.agent), append(outcomes, a.outcome), append(failures, a.err)
		assigned, started, ended = append(assigned, a.assigned), append(started, unset(a.started)), append(ended, unset(a.ended))
		inline, ref := payload(a.log)
		logs, refs = append(logs, inline), append(refs, ref)
		a.dirty, a.log = false, domain.Payload{}
	}
	t.attempts = t.attempts[:0]
	b.Queue(in(schema, upsertAttempts), tenants, ids, numbers, agents, outcomes, failures, assigned, started, ended, logs, refs)
}

const upsertAttempts = `INSERT INTO {s}.attempt AS t (tenant, task, number, agent, outcome, error, assigned_at, started_at, ended_at, log, log_ref)
	SELECT tenant, task, number, agent, outcome, error, assigned_at, started_at, ended_at, log::json, log_ref::jsonb
	FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[])
		AS u(tenant, task, number, agent, outcome, error, assigned_at, started_at, ended_at, log, log_ref)
	ON CONFLICT (tenant, task, number) DO UPDATE SET outcome = excluded.outcome, error = excluded.error,
		started_at = excluded.started_at, ended_at = excluded.ended_at, log = excluded.log, log_ref = excluded.log_ref`

// payload splits p into its two columns.
func payload(p domain.Payload) (inline, ref *string) {
	if len(p.Inline) > 0 {
		s := string(p.Inline)
		inline = &s
	}
	if p.Artifact != nil {
		ref = asJSON(p.Artifact)
	}
	return inline, ref
}

func list(names []string) *string {
	if len(names) == 0 {
		return nil
	}
	return asJSON(names)
}

func labels(l map[string]string) *string {
	if len(l) == 0 {
		return nil
	}
	tidy := make(map[string]string, len(l))
	for k, v := range l {
		tidy[clean(k)] = clean(v)
	}
	return asJSON(tidy)
}

// asJSON encodes what was decoded from JSON before: it cannot fail.
func asJSON(v any) *string {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	s := string(data)
	return &s
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
