package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

// Task is a task as the read model knows it. Input, Result and Attempts are
// filled only by Projections.Task.
type Task struct {
	ID           string
	Status       string
	Queue        string
	Capabilities []string
	Priority     int
	Labels       map[string]string
	Attempt      int
	Failures     int
	MaxAttempts  int
	LeaseMS      int64
	Agent        string
	Reason       string
	Progress     int // percent
	Message      string
	SubmittedBy  string
	SubmittedAt  time.Time
	NotBefore    *time.Time
	Deadline     *time.Time
	StartedAt    *time.Time // of the latest attempt
	FinishedAt   *time.Time
	UpdatedAt    time.Time
	FirstSeq     uint64 // of the submission; lists are ordered by it
	Seq          uint64 // of the last event
	Incomplete   bool   // an event of this task is parked
	Input        domain.Payload
	Result       domain.Payload
	Attempts     []Attempt
}

// Attempt is one assignment of a task and what came of it.
type Attempt struct {
	Number     int
	Agent      string
	Outcome    string // assigned, running, completed, retry, fail, dead_letter, returned, cancelled or deadline
	Error      string
	AssignedAt time.Time
	StartedAt  *time.Time
	EndedAt    *time.Time
	Log        domain.Payload
}

// taskFields are what a filter on tasks may name.
func taskFields() map[string]field {
	return map[string]field{
		"id": {"t.id", asUUID}, "status": {"t.status", asText}, "queue": {"t.queue", asText}, "agent": {"t.agent", asText},
		"capability": {"t.capabilities", asSet}, "priority": {"t.priority", asNumber}, "attempt": {"t.attempt", asNumber},
		"failures": {"t.failures", asNumber}, "progress": {"t.progress", asNumber}, "submitted_by": {"t.submitted_by", asText},
		"submitted": {"t.submitted_at", asTime}, "updated": {"t.updated_at", asTime}, "started": {"t.started_at", asTime},
		"finished": {"t.finished_at", asTime}, "deadline": {"t.deadline", asTime}, "label": {"t.labels", asLabels},
	}
}

// taskColumnList is read by scanTask. Parameter 1 is the tenant.
const taskColumnList = `t.id::text, t.status, t.queue, t.capabilities, t.priority, t.labels, t.attempt, t.failures, t.max_attempts, t.lease_ms,
	t.agent, t.reason, t.progress, t.message, t.submitted_by, t.submitted_at, t.not_before, t.deadline, t.started_at, t.finished_at,
	t.updated_at, t.first_seq, t.seq, EXISTS (SELECT FROM projection_parked p JOIN projection_live l ON l.name = p.name AND l.version = p.version
		AND l.generation = p.generation WHERE p.name = 'tasks' AND p.key = t.tenant || '/task/' || t.id)`

func scanTask(row pgx.CollectableRow) (Task, error) {
	var t Task
	err := row.Scan(t.targets()...)
	return t, err
}

func (t *Task) targets() []any {
	return []any{
		&t.ID, &t.Status, &t.Queue, &t.Capabilities, &t.Priority, &t.Labels, &t.Attempt, &t.Failures, &t.MaxAttempts, &t.LeaseMS,
		&t.Agent, &t.Reason, &t.Progress, &t.Message, &t.SubmittedBy, &t.SubmittedAt, &t.NotBefore, &t.Deadline, &t.StartedAt, &t.FinishedAt,
		&t.UpdatedAt, &t.FirstSeq, &t.Seq, &t.Incomplete,
	}
}

// Tasks lists a tenant's tasks, the newest submission first.
func (p *Projections) Tasks(ctx context.Context, tenant string, q Query) (Page[Task], error) {
	var page Page[Task]
	from, err := q.begin("tasks", tenant)
	if err != nil {
		return page, err
	}
	c := where(tenant)
	if err := c.filter(q.conditions(), taskFields()); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, "t.first_seq < "+c.arg(int64(from.Seq)))
	}
	at, err := p.ask(ctx, "tasks", q.After, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, fmt.Sprintf("SELECT %s FROM {s}.task t WHERE %s ORDER BY t.first_seq DESC LIMIT %d", taskColumnList, c, q.Limit+1)),
			append([]any{described}, c.args...)...)
		if err != nil {
			return err
		}
		page.Items, err = pgx.CollectRows(rows, scanTask)
		return err
	})
	if err != nil {
		return Page[Task]{}, err
	}
	finish(&page, q, "tasks", tenant, at, func(t Task) cursor { return cursor{Seq: t.FirstSeq} })
	return page, nil
}

// Task returns one task with its payloads and attempts, by its id or by the
// beginning of it, four characters at least. It fails with NotFound, and with
// Conflict when several tasks begin so. after is as in Query.
func (p *Projections) Task(ctx context.Context, tenant, idOrPrefix string, after uint64) (Task, error) {
	low, high, err := idRange(idOrPrefix, task.ErrNotFound)
	if err != nil {
		return Task{}, err
	}
	var found []Task
	_, err = p.ask(ctx, "tasks", after, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, "SELECT "+taskColumnList+`, t.input, t.input_ref, t.result, t.result_ref FROM {s}.task t
			WHERE t.tenant = $1 AND t.id BETWEEN $2::uuid AND $3::uuid ORDER BY t.id LIMIT 2`), described, tenant, low, high)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Task, error) {
			var t Task
			var input, result, inputRef, resultRef []byte
			if err := row.Scan(append(t.targets(), &input, &inputRef, &result, &resultRef)...); err != nil {
				return t, err
			}
			t.Input, err = readPayload(input, inputRef)
			if err == nil {
				t.Result, err = readPayload(result, resultRef)
			}
			return t, err
		})
		if err != nil || len(found) != 1 {
			return err
		}
		found[0].Attempts, err = attemptsOf(ctx, db, at, tenant, found[0].ID)
		return err
	})
	return single(found, err, idOrPrefix, task.ErrNotFound)
}

func attemptsOf(ctx context.Context, db querier, at pointer, tenant, id string) ([]Attempt, error) {
	rows, err := db.Query(ctx, in(at.schema, `SELECT number, agent, outcome, error, assigned_at, started_at, ended_at, log, log_ref
		FROM {s}.attempt WHERE tenant = $1 AND task = $2 ORDER BY number`), described, tenant, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Attempt, error) {
		var a Attempt
		var log, ref []byte
		if err := row.Scan(&a.Number, &a.Agent, &a.Outcome, &a.Error, &a.AssignedAt, &a.StartedAt, &a.EndedAt, &log, &ref); err != nil {
			return a, err
		}
		a.Log, err = readPayload(log, ref)
		return a, err
	})
}

func readPayload(inline, ref []byte) (domain.Payload, error) {
	p := domain.Payload{Inline: inline}
	if len(ref) == 0 {
		return p, nil
	}
	p.Artifact = &domain.Artifact{}
	return p, json.Unmarshal(ref, p.Artifact)
}

// single makes one row of what a query by prefix found.
func single[T any](found []T, err error, prefix string, missing *domain.Error) (T, error) {
	var none T
	switch {
	case err != nil:
		return none, err
	case len(found) == 0:
		return none, missing
	case len(found) > 1:
		return none, errAmbiguous.Sayf("several begin with %q: give more of the id", prefix)
	}
	return found[0], nil
}

var errAmbiguous = &domain.Error{Kind: domain.Conflict, Code: "ambiguous_id", Field: "id", Message: "several begin so"}
