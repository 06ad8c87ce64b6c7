package task_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

const taskID = "0195a0a0-0000-7000-8000-000000000001"

// events is a history: the i-th event happened at instant(i).
type events []task.Event

func (es events) and(more ...task.Event) events {
	return append(append(events{}, es...), more...)
}

func (es events) fold() task.Task {
	t := task.Task{ID: taskID}
	for i, e := range es {
		t = t.Apply(e, instant(float64(i)))
	}
	return t
}

// Histories of a task that may be tried twice and has a deadline at instant(60).
func waiting() events { return events{task.Submitted{Spec: spec(), RequestHash: "h1"}} }

func assigned() events { return waiting().and(task.Assigned{Attempt: 1, Agent: "a1"}) }

func running() events { return assigned().and(task.Started{Attempt: 1, Agent: "a1"}) }

func retrying() events {
	return running().and(task.AttemptFailed{Attempt: 1, Agent: "a1", Error: "boom", Outcome: task.OutcomeRetry, RetryAt: instant(10)})
}

func second() events { return retrying().and(task.Assigned{Attempt: 2, Agent: "a2"}) }

func completed() events { return running().and(task.Completed{Attempt: 1, Agent: "a1"}) }

func failed() events {
	return running().and(task.AttemptFailed{Attempt: 1, Agent: "a1", Error: "boom", Outcome: task.OutcomeFail})
}

func cancelled() events { return waiting().and(task.Cancelled{Reason: "enough"}) }

func deadLettered() events {
	return second().and(task.LeaseExpired{Attempt: 2, Agent: "a2", Reason: "silent", Outcome: task.OutcomeDeadLetter})
}

func spec() task.Spec {
	return task.Spec{Deadline: instant(60), Retry: task.Retry{MaxAttempts: 2, Backoff: 4_000, MaxBackoff: 4_000}}.WithDefaults()
}

// decision is a command with its arguments.
type decision func(task.Task) ([]task.Event, error)

// thenEvents checks the events of a decision; none are wanted for nil.
func thenEvents(t *testing.T, given events, when decision, want ...task.Event) {
	t.Helper()
	got, err := when(given.fold())
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// thenRefused checks that a decision is refused with want's kind, code and field.
func thenRefused(t *testing.T, given events, when decision, want *domain.Error) {
	t.Helper()
	got, err := when(given.fold())
	var e *domain.Error
	if !errors.As(err, &e) {
		t.Fatalf("events %v and error %v, not a domain.Error", got, err)
	}
	if e.Kind != want.Kind || e.Code != want.Code || e.Field != want.Field || e.Message == "" || len(got) > 0 {
		t.Errorf("refused with %s, %s, field %q: %q and %d events; want %s, %s, field %q and none",
			e.Kind, e.Code, e.Field, e.Message, len(got), want.Kind, want.Code, want.Field)
	}
}

func invalid(field string) *domain.Error {
	return &domain.Error{Kind: domain.Invalid, Code: "invalid_field", Field: field}
}
