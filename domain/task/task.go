// Package task is one piece of work: submitted once, tried until it is done,
// given up, or cancelled.
//
//	submit             none ► waiting
//	assign             waiting ► assigned
//	start, progress    assigned ► running
//	complete           held ► completed
//	fail               held ► waiting for the retry, or dead_lettered when no
//	                   attempts are left, or failed when the agent says so
//	expire lease       held ► waiting or dead_lettered
//	return             held ► waiting; costs no attempt
//	cancel             not final ► cancelled
//	exceed deadline    not final ► failed
//	requeue            dead_lettered, failed ► waiting, with fresh attempts
//
// Held is assigned or running; final is completed, failed, cancelled or
// dead_lettered. Whatever else is asked is refused and changes nothing.
//
// Each assignment raises Attempt by one. Attempt is the fencing token: a
// report that names an older attempt, or another agent, is refused and
// changes nothing. A lease is how long an attempt may go without a sign of
// life; who measures it is not decided here (see package workers).
package task

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Status is where a task stands.
type Status string

// The statuses. The last four are final.
const (
	StatusWaiting      Status = "waiting"       // for an agent, or for NotBefore
	StatusAssigned     Status = "assigned"      // given to an agent, not begun
	StatusRunning      Status = "running"       // the agent said that it began
	StatusCompleted    Status = "completed"     // done, with a result
	StatusFailed       Status = "failed"        // given up: not retryable, or too late
	StatusCancelled    Status = "cancelled"     // given up by whoever asked for it
	StatusDeadLettered Status = "dead_lettered" // all attempts failed; may be requeued
)

// Final reports whether nothing more happens by itself.
func (s Status) Final() bool {
	return s == StatusCompleted || s == StatusFailed || s == StatusCancelled || s == StatusDeadLettered
}

// Held reports whether an agent holds the task.
func (s Status) Held() bool { return s == StatusAssigned || s == StatusRunning }

// Task is the state of one task, folded from its events.
type Task struct {
	ID          string
	Spec        Spec
	RequestHash string // of the submitting request; tells a retry from a reused key
	Status      Status
	SubmittedAt time.Time
	NotBefore   time.Time // not assigned earlier; zero means at once
	Attempt     int       // number of the current or latest attempt; 0 = never assigned
	Failures    int       // failed and expired attempts since submitted or requeued; at most Retry.MaxAttempts
	Agent       string    // who holds the task, while it is held
	LastSign    time.Time // time of the current attempt's last event
	Reason      string    // why it waits again, failed or was cancelled
}

// Event is a fact about a task. The set is sealed: only this package can add to it.
type Event interface {
	// Type is the event's name on the wire, such as "task.submitted".
	Type() string
	apply(t Task, at time.Time) Task
}

// Apply returns t after e, which happened at at. It is what decisions, the
// coordinator and the tasks read model all fold by, and refuses nothing: an
// event is a fact.
func (t Task) Apply(e Event, at time.Time) Task { return e.apply(t, at) }

// Exists reports whether the task has been submitted.
func (t Task) Exists() bool { return t.Status != "" }

// The refusals of this package.
var (
	ErrNotFound   = &domain.Error{Kind: domain.NotFound, Code: "task_not_found", Message: "no such task"}
	ErrFinished   = &domain.Error{Kind: domain.Conflict, Code: "task_finished", Message: "the task is finished"}
	ErrNotWaiting = &domain.Error{Kind: domain.Conflict, Code: "task_not_waiting", Message: "the task is not waiting"}
	ErrOldAttempt = &domain.Error{Kind: domain.Conflict, Code: "old_attempt", Message: "the attempt is not the task's current one"}
	ErrWrongAgent = &domain.Error{Kind: domain.Denied, Code: "wrong_agent", Message: "the attempt belongs to another agent"}
	ErrKeyReused  = &domain.Error{Kind: domain.Conflict, Code: "key_reused", Field: "key", Message: "the idempotency key was used before with other content"}
	ErrInTime     = &domain.Error{Kind: domain.Conflict, Code: "deadline_ahead", Message: "the deadline has not passed"}
	ErrNotRequeue = &domain.Error{Kind: domain.Conflict, Code: "task_not_requeueable", Message: "only a dead-lettered or failed task can be requeued"}
)
