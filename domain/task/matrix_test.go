package task_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

// Every command in every status: the event's name, "-" for nothing to do, or
// the refusal's code. The reports come from the attempt's own agent.
const matrix = `
              none       waiting    waiting-later assigned   running    completed failed   cancelled dead-lettered
submit        submitted  -          -             -          -          -         -        -         -
submit-other  submitted  key_reused key_reused    key_reused key_reused key_reused key_reused key_reused key_reused
assign        not_found  assigned   not_waiting   not_waiting not_waiting not_waiting not_waiting not_waiting not_waiting
start         not_found  old        old           started    -          finished  finished finished  finished
progress      not_found  old        old           progressed progressed finished  finished finished  finished
complete      not_found  old        old           completed  completed  finished  finished finished  finished
fail          not_found  old        old           attempt_failed attempt_failed finished finished finished finished
expire        not_found  old        old           lease_expired lease_expired finished finished finished finished
return        not_found  old        old           assignment_returned assignment_returned finished finished finished finished
exceed        not_found  deadline_exceeded deadline_exceeded deadline_exceeded deadline_exceeded finished finished finished finished
cancel        not_found  cancelled  cancelled     cancelled  cancelled  finished  finished -         finished
requeue       not_found  not_requeueable not_requeueable not_requeueable not_requeueable not_requeueable requeued not_requeueable requeued
`

func TestEveryCommandInEveryStatus(t *testing.T) {
	t.Parallel()
	now := instant(60) // the deadline
	histories := map[string]events{
		"none": nil, "waiting": waiting(), "waiting-later": waiting().and(cameBack(instant(90))...), "assigned": assigned(),
		"running": running(), "completed": completed(), "failed": failed(), "cancelled": cancelled(), "dead-lettered": deadLettered(),
	}
	commands := map[string]decision{
		"submit":       func(t task.Task) ([]task.Event, error) { return t.Submit(spec(), "h1", instant(0)) },
		"submit-other": func(t task.Task) ([]task.Event, error) { return t.Submit(spec(), "h2", instant(0)) },
		"assign":       func(t task.Task) ([]task.Event, error) { return t.Assign("a1", now) },
		"start":        func(t task.Task) ([]task.Event, error) { return t.Start(1, "a1") },
		"progress":     func(t task.Task) ([]task.Event, error) { return t.Progress(1, "a1", 50, "half") },
		"complete": func(t task.Task) ([]task.Event, error) {
			return t.Complete(1, "a1", time.Time{}, domain.Payload{}, domain.Payload{})
		},
		"fail":    func(t task.Task) ([]task.Event, error) { return t.Fail(1, "a1", task.Failure{Message: "boom"}, now) },
		"expire":  func(t task.Task) ([]task.Event, error) { return t.ExpireLease(1, "silent", now) },
		"return":  func(t task.Task) ([]task.Event, error) { return t.Return(1, "a1", "full") },
		"exceed":  func(t task.Task) ([]task.Event, error) { return t.ExceedDeadline(now) },
		"cancel":  func(t task.Task) ([]task.Event, error) { return t.Cancel("enough") },
		"requeue": func(t task.Task) ([]task.Event, error) { return t.Requeue("again", time.Time{}, now) },
	}
	rows := strings.Split(strings.Trim(matrix, "\n"), "\n")
	statuses := strings.Fields(rows[0])
	if len(statuses) != len(histories) || len(rows)-1 != len(commands) {
		t.Fatalf("the matrix has %d columns and %d rows", len(statuses), len(rows)-1)
	}
	for _, row := range rows[1:] {
		cells := strings.Fields(row)
		for i, status := range statuses {
			if got := outcome(commands[cells[0]](histories[status].fold())); got != cells[i+1] {
				t.Errorf("%s when %s: %s, want %s", cells[0], status, got, cells[i+1])
			}
		}
	}
}

// cameBack is an attempt that is to be retried at at.
func cameBack(at time.Time) []task.Event {
	return []task.Event{
		task.Assigned{Attempt: 1, Agent: "a1"},
		task.LeaseExpired{Attempt: 1, Agent: "a1", Reason: "silent", Outcome: task.OutcomeRetry, RetryAt: at},
	}
}

func outcome(es []task.Event, err error) string {
	var e *domain.Error
	switch {
	case errors.As(err, &e):
		return strings.TrimSuffix(strings.TrimPrefix(e.Code, "task_"), "_attempt")
	case err != nil:
		return err.Error()
	case len(es) == 0:
		return "-"
	}
	names := make([]string, len(es))
	for i, e := range es {
		names[i] = strings.TrimPrefix(e.Type(), "task.")
	}
	return strings.Join(names, ",")
}
