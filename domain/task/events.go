package task

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Submitted begins a task.
type Submitted struct {
	Spec
	RequestHash string `json:"request_hash"`
}

// Assigned gives the task to an agent as its attempt number Attempt.
type Assigned struct {
	Attempt int    `json:"attempt"`
	Agent   string `json:"agent"`
}

// Started says that the agent began. A short task leaves it out: its
// Completed or AttemptFailed says when it began.
type Started struct {
	Attempt int    `json:"attempt"`
	Agent   string `json:"agent"`
}

// Progressed is a sign of life with something to tell.
type Progressed struct {
	Attempt int    `json:"attempt"`
	Agent   string `json:"agent"`
	Percent int    `json:"percent,omitempty"` // 0–100
	Message string `json:"message,omitempty"`
}

// Completed ends a task well.
type Completed struct {
	Attempt   int            `json:"attempt"`
	Agent     string         `json:"agent"`
	StartedAt time.Time      `json:"started_at,omitzero"` // by the agent's clock
	Result    domain.Payload `json:"result,omitzero"`
	Log       domain.Payload `json:"log,omitzero"` // a JSON string: what the attempt wrote to its log
}

// Outcome says what follows an attempt that did not complete.
type Outcome string

// The outcomes.
const (
	OutcomeRetry      Outcome = "retry"       // waits until RetryAt
	OutcomeFail       Outcome = "fail"        // the agent said that trying again is no use
	OutcomeDeadLetter Outcome = "dead_letter" // no attempts are left
)

// AttemptFailed says that the agent gave up this attempt.
type AttemptFailed struct {
	Attempt   int            `json:"attempt"`
	Agent     string         `json:"agent"`
	StartedAt time.Time      `json:"started_at,omitzero"`
	Error     string         `json:"error"`
	Log       domain.Payload `json:"log,omitzero"`
	Outcome   Outcome        `json:"outcome"`
	RetryAt   time.Time      `json:"retry_at,omitzero"`
}

// LeaseExpired says that the attempt was silent for too long, or its agent was lost.
type LeaseExpired struct {
	Attempt int       `json:"attempt"`
	Agent   string    `json:"agent"`
	Reason  string    `json:"reason"`
	Outcome Outcome   `json:"outcome"`
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// AssignmentReturned says that the agent handed the task back unfinished; it
// costs no attempt.
type AssignmentReturned struct {
	Attempt int    `json:"attempt"`
	Agent   string `json:"agent"`
	Reason  string `json:"reason"`
}

// DeadlineExceeded ends a task that was not done in time.
type DeadlineExceeded struct {
	Deadline time.Time `json:"deadline"`
}

// Cancelled ends a task because somebody asked for it.
type Cancelled struct {
	Reason string `json:"reason,omitempty"`
}

// Requeued gives a finished task a fresh set of attempts.
type Requeued struct {
	Reason   string    `json:"reason,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"` // replaces the old one
}

// The wire names.

func (Submitted) Type() string          { return "task.submitted" }
func (Assigned) Type() string           { return "task.assigned" }
func (Started) Type() string            { return "task.started" }
func (Progressed) Type() string         { return "task.progressed" }
func (Completed) Type() string          { return "task.completed" }
func (AttemptFailed) Type() string      { return "task.attempt_failed" }
func (LeaseExpired) Type() string       { return "task.lease_expired" }
func (AssignmentReturned) Type() string { return "task.assignment_returned" }
func (DeadlineExceeded) Type() string   { return "task.deadline_exceeded" }
func (Cancelled) Type() string          { return "task.cancelled" }
func (Requeued) Type() string           { return "task.requeued" }

func (e AttemptFailed) outcome() Outcome { return e.Outcome }
func (e LeaseExpired) outcome() Outcome  { return e.Outcome }

func (e Submitted) apply(t Task, at time.Time) Task {
	t.Spec, t.RequestHash = e.Spec, e.RequestHash
	t.Status, t.SubmittedAt, t.NotBefore = StatusWaiting, at, e.NotBefore
	return t
}

func (e Assigned) apply(t Task, at time.Time) Task {
	t.Status, t.Attempt, t.Agent, t.LastSign, t.Reason = StatusAssigned, e.Attempt, e.Agent, at, ""
	return t
}

func (e Started) apply(t Task, at time.Time) Task {
	t.Status, t.LastSign = StatusRunning, at
	return t
}

func (e Progressed) apply(t Task, at time.Time) Task {
	t.Status, t.LastSign = StatusRunning, at
	return t
}

func (e Completed) apply(t Task, _ time.Time) Task { return t.end(StatusCompleted, "") }

func (e AttemptFailed) apply(t Task, _ time.Time) Task {
	return t.afterFailure(e.Outcome, e.RetryAt, e.Error)
}

func (e LeaseExpired) apply(t Task, _ time.Time) Task {
	return t.afterFailure(e.Outcome, e.RetryAt, e.Reason)
}

func (e AssignmentReturned) apply(t Task, _ time.Time) Task {
	t.Status, t.Agent, t.Reason, t.NotBefore = StatusWaiting, "", e.Reason, time.Time{}
	return t
}

func (e DeadlineExceeded) apply(t Task, _ time.Time) Task {
	return t.end(StatusFailed, "deadline exceeded")
}

func (e Cancelled) apply(t Task, _ time.Time) Task { return t.end(StatusCancelled, e.Reason) }

func (e Requeued) apply(t Task, _ time.Time) Task {
	t.Status, t.Failures, t.Agent, t.Reason, t.NotBefore = StatusWaiting, 0, "", e.Reason, time.Time{}
	t.Spec.Deadline = e.Deadline
	return t
}

func (t Task) end(s Status, reason string) Task {
	t.Status, t.Agent, t.Reason = s, "", reason
	return t
}

// afterFailure folds what a counted failure of the current attempt leads to.
func (t Task) afterFailure(o Outcome, retryAt time.Time, reason string) Task {
	t.Failures++
	t.Agent, t.Reason, t.NotBefore = "", reason, retryAt
	switch o {
	case OutcomeRetry:
		t.Status = StatusWaiting
	case OutcomeDeadLetter:
		t.Status = StatusDeadLettered
	case OutcomeFail:
		t.Status = StatusFailed
	}
	return t
}
