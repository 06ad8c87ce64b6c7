package task

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Failure is what an agent tells about an attempt that it gives up.
type Failure struct {
	Message   string
	Permanent bool           // trying again is no use
	StartedAt time.Time      // by the agent's own clock; zero when it does not say
	Log       domain.Payload // a JSON string
}

// Submit begins a task. spec must have its defaults. On a task that exists it
// returns no events when hash is that of the first request, else ErrKeyReused.
func (t Task) Submit(spec Spec, hash string, now time.Time) ([]Event, error) {
	if t.Exists() {
		if t.RequestHash != hash {
			return nil, ErrKeyReused
		}
		return nil, nil
	}
	if err := spec.Validate(now); err != nil {
		return nil, err
	}
	return []Event{Submitted{Spec: spec, RequestHash: hash}}, nil
}

// Assign gives a waiting task to an agent. It fails with ErrNotWaiting when
// the task does not wait, or waits for a later time.
func (t Task) Assign(agent string, now time.Time) ([]Event, error) {
	switch {
	case !t.Exists():
		return nil, ErrNotFound
	case t.Status != StatusWaiting:
		return nil, ErrNotWaiting.Sayf("the task is %s", t.Status)
	case now.Before(t.NotBefore):
		return nil, ErrNotWaiting.Sayf("the task waits until %s", t.NotBefore.Format(time.RFC3339Nano))
	}
	return []Event{Assigned{Attempt: t.Attempt + 1, Agent: agent}}, nil
}

// Start says that the agent began. Saying it again changes nothing.
func (t Task) Start(attempt int, agent string) ([]Event, error) {
	if err := t.fence(attempt, agent); err != nil {
		return nil, err
	}
	if t.Status == StatusRunning {
		return nil, nil
	}
	return []Event{Started{Attempt: attempt, Agent: agent}}, nil
}

// Progress is a sign of life of a held task. percent is 0–100.
func (t Task) Progress(attempt int, agent string, percent int, message string) ([]Event, error) {
	if err := t.fence(attempt, agent); err != nil {
		return nil, err
	}
	if percent < 0 || percent > 100 {
		return nil, domain.InvalidField("percent", "%d is not between 0 and 100", percent)
	}
	return []Event{Progressed{Attempt: attempt, Agent: agent, Percent: percent, Message: message}}, nil
}

// Complete ends the task with a result. startedAt is the agent's own clock;
// the zero time when it does not say.
func (t Task) Complete(attempt int, agent string, startedAt time.Time, result, log domain.Payload) ([]Event, error) {
	if err := t.fence(attempt, agent); err != nil {
		return nil, err
	}
	if err := domain.CheckTime("started_at", startedAt); err != nil {
		return nil, err
	}
	return []Event{Completed{Attempt: attempt, Agent: agent, StartedAt: startedAt, Result: result, Log: log}}, nil
}

// Fail ends the attempt. What follows depends on the failure and on the
// attempts left.
func (t Task) Fail(attempt int, agent string, f Failure, now time.Time) ([]Event, error) {
	if err := t.fence(attempt, agent); err != nil {
		return nil, err
	}
	if err := domain.CheckTime("started_at", f.StartedAt); err != nil {
		return nil, err
	}
	outcome, retryAt := t.next(now)
	if f.Permanent {
		outcome, retryAt = OutcomeFail, time.Time{}
	}
	return []Event{AttemptFailed{
		Attempt: attempt, Agent: agent, StartedAt: f.StartedAt, Error: f.Message, Log: f.Log,
		Outcome: outcome, RetryAt: retryAt,
	}}, nil
}

// ExpireLease ends an attempt that was silent too long. It is refused when
// the attempt is not the current one, so it can safely come late.
func (t Task) ExpireLease(attempt int, reason string, now time.Time) ([]Event, error) {
	if err := t.fence(attempt, t.Agent); err != nil {
		return nil, err
	}
	outcome, retryAt := t.next(now)
	return []Event{LeaseExpired{Attempt: attempt, Agent: t.Agent, Reason: reason, Outcome: outcome, RetryAt: retryAt}}, nil
}

// Return hands an assignment back unfinished, begun or not; it costs no
// attempt. Agents use it for work above their capacity and when they stop.
func (t Task) Return(attempt int, agent, reason string) ([]Event, error) {
	if err := t.fence(attempt, agent); err != nil {
		return nil, err
	}
	return []Event{AssignmentReturned{Attempt: attempt, Agent: agent, Reason: reason}}, nil
}

// ExceedDeadline ends a task whose deadline has passed. It fails with ErrInTime
// when the task has none, or now is before it.
func (t Task) ExceedDeadline(now time.Time) ([]Event, error) {
	if err := t.open(); err != nil {
		return nil, err
	}
	if t.Spec.Deadline.IsZero() || now.Before(t.Spec.Deadline) {
		return nil, ErrInTime
	}
	return []Event{DeadlineExceeded{Deadline: t.Spec.Deadline}}, nil
}

// Cancel ends a task in every state that is not final. Cancelling a cancelled
// task changes nothing.
func (t Task) Cancel(reason string) ([]Event, error) {
	if t.Status == StatusCancelled {
		return nil, nil
	}
	if err := t.open(); err != nil {
		return nil, err
	}
	return []Event{Cancelled{Reason: reason}}, nil
}

// Requeue gives a dead-lettered or failed task a fresh set of attempts, with
// a new deadline or none.
func (t Task) Requeue(reason string, deadline, now time.Time) ([]Event, error) {
	switch {
	case !t.Exists():
		return nil, ErrNotFound
	case t.Status != StatusDeadLettered && t.Status != StatusFailed:
		return nil, ErrNotRequeue.Sayf("only a dead-lettered or failed task can be requeued; this one is %s", t.Status)
	}
	if err := validateDeadline(deadline, now); err != nil {
		return nil, err
	}
	return []Event{Requeued{Reason: reason, Deadline: deadline}}, nil
}

// open refuses what can only happen to a task that is not final.
func (t Task) open() error {
	switch {
	case !t.Exists():
		return ErrNotFound
	case t.Status.Final():
		return ErrFinished.Sayf("the task is %s", t.Status)
	}
	return nil
}

// fence refuses a report that does not come from the current attempt's agent.
func (t Task) fence(attempt int, agent string) error {
	if err := t.open(); err != nil {
		return err
	}
	if !t.Status.Held() || attempt != t.Attempt {
		return ErrOldAttempt.Sayf("attempt %d is not the task's current one; the latest is %d, the task is %s", attempt, t.Attempt, t.Status)
	}
	if agent != t.Agent {
		return ErrWrongAgent
	}
	return nil
}

// next says what follows a counted failure of the current attempt.
func (t Task) next(now time.Time) (Outcome, time.Time) {
	if t.Failures+1 >= t.Spec.Retry.MaxAttempts {
		return OutcomeDeadLetter, time.Time{}
	}
	return OutcomeRetry, now.Add(t.Spec.Retry.pause(t.ID, t.Attempt, t.Failures))
}
