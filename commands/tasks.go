package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// maxText bounds reasons, messages and errors that people and agents write, in bytes.
const maxText = 4 << 10

// CancelTask ends a task in every state that is not final.
func (s *Service) CancelTask(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.updateTask(ctx, by, "task.cancel", m, id, func(t task.Task) ([]task.Event, error) {
		if err := checkText("reason", reason); err != nil {
			return nil, err
		}
		return t.Cancel(reason)
	})
}

// RequeueTask gives a dead-lettered or failed task a fresh set of attempts,
// with a new deadline or none.
func (s *Service) RequeueTask(ctx context.Context, by domain.Actor, m Meta, id, reason string, deadline time.Time) (Result, error) {
	return s.updateTask(ctx, by, "task.requeue", m, id, func(t task.Task) ([]task.Event, error) {
		if err := checkText("reason", reason); err != nil {
			return nil, err
		}
		return t.Requeue(reason, deadline, s.now())
	})
}

// AttemptRef names an attempt and the agent that reports about it.
type AttemptRef struct {
	Task    string
	Attempt int
	Agent   string
}

// Completion is what a finished attempt leaves behind.
type Completion struct {
	StartedAt time.Time
	Result    domain.Payload
	Log       domain.Payload // a JSON string
}

// StartTask says that the agent began. All reports of an attempt fail with
// task.ErrOldAttempt or task.ErrWrongAgent unless the attempt is the current
// one and the agent's own, and with task.ErrFinished when the task is final.
func (s *Service) StartTask(ctx context.Context, by domain.Actor, m Meta, a AttemptRef) (Result, error) {
	return s.reportTask(ctx, by, "task.start", m, a, func(t task.Task) ([]task.Event, error) {
		return t.Start(a.Attempt, a.Agent)
	})
}

// ProgressTask is a sign of life with something to tell; percent is 0–100.
func (s *Service) ProgressTask(ctx context.Context, by domain.Actor, m Meta, a AttemptRef, percent int, message string) (Result, error) {
	return s.reportTask(ctx, by, "task.progress", m, a, func(t task.Task) ([]task.Event, error) {
		if err := checkText("message", message); err != nil {
			return nil, err
		}
		return t.Progress(a.Attempt, a.Agent, percent, message)
	})
}

// CompleteTask ends the task with a result.
func (s *Service) CompleteTask(ctx context.Context, by domain.Actor, m Meta, a AttemptRef, c Completion) (Result, error) {
	result, err := s.offload(ctx, by.Tenant, "result", c.Result)
	if err != nil {
		return Result{}, explain(err)
	}
	log, err := s.offload(ctx, by.Tenant, "log", c.Log)
	if err != nil {
		return Result{}, explain(err)
	}
	return s.reportTask(ctx, by, "task.complete", m, a, func(t task.Task) ([]task.Event, error) {
		return t.Complete(a.Attempt, a.Agent, c.StartedAt, result, log)
	})
}

// FailTask ends the attempt; the task is tried again if its retry policy and
// the failure allow it.
func (s *Service) FailTask(ctx context.Context, by domain.Actor, m Meta, a AttemptRef, f task.Failure) (Result, error) {
	log, err := s.offload(ctx, by.Tenant, "log", f.Log)
	if err != nil {
		return Result{}, explain(err)
	}
	f.Log, f.Message = log, clip(f.Message)
	return s.reportTask(ctx, by, "task.fail", m, a, func(t task.Task) ([]task.Event, error) {
		return t.Fail(a.Attempt, a.Agent, f, s.now())
	})
}

// ReturnTask hands an assignment back; it costs no attempt.
func (s *Service) ReturnTask(ctx context.Context, by domain.Actor, m Meta, a AttemptRef, reason string) (Result, error) {
	return s.reportTask(ctx, by, "task.return", m, a, func(t task.Task) ([]task.Event, error) {
		return t.Return(a.Attempt, a.Agent, clip(reason))
	})
}

// updateTask loads, decides, appends, and does so again when somebody else was first.
func (s *Service) updateTask(ctx context.Context, by domain.Actor, command string, m Meta, id string, decide func(task.Task) ([]task.Event, error)) (Result, error) {
	return s.changeTask(ctx, by, command, m, id, s.aboutTask(ctx, by, id), decide)
}

// reportTask is updateTask for what an agent says about its attempt.
func (s *Service) reportTask(ctx context.Context, by domain.Actor, command string, m Meta, a AttemptRef, decide func(task.Task) ([]task.Event, error)) (Result, error) {
	return s.changeTask(ctx, by, command, m, a.Task, s.aboutReport(ctx, by, a), decide)
}

func (s *Service) changeTask(ctx context.Context, by domain.Actor, command string, m Meta, id string, about identity.Resource, decide func(task.Task) ([]task.Event, error)) (Result, error) {
	return s.run(by, command, m, about, func(cmd eventstore.Command) (Result, error) {
		e, err := entity(by.Tenant, kindTask, "task", id)
		if err != nil {
			return Result{}, err
		}
		seq, receipt, err := s.tasks.Update(ctx, e, cmd, func(t task.Task) ([]eventstore.NewEvent, error) {
			events, err := decide(t)
			if err != nil {
				return nil, err
			}
			return encode(task.Schema, events)
		})
		if err != nil {
			return Result{}, fmt.Errorf("%s %s: %w", command, id, err)
		}
		return Result{ID: id, Seq: seq, Repeat: receipt.Repeat}, nil
	})
}

// clip shortens what an agent says about a failure; it is never a reason to
// refuse the report.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxText] + "…"
}

func checkText(field, text string) error {
	if len(text) > maxText {
		return domain.InvalidField(field, "is longer than %d bytes", maxText)
	}
	return nil
}
