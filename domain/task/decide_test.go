package task_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

func TestDecisions(t *testing.T) {
	t.Parallel()
	now := instant(20)
	for _, tt := range []struct {
		name  string
		given events
		when  decision
		then  []task.Event
	}{
		{
			"a task is submitted with what was asked", nil,
			func(t task.Task) ([]task.Event, error) { return t.Submit(spec(), "h1", now) },
			events{task.Submitted{Spec: spec(), RequestHash: "h1"}},
		},
		{
			"a submission repeated after its deadline is no error", waiting(),
			func(t task.Task) ([]task.Event, error) { return t.Submit(spec(), "h1", instant(61)) }, nil,
		},
		{
			"the first assignment is attempt 1", waiting(),
			func(t task.Task) ([]task.Event, error) { return t.Assign("a1", now) },
			events{task.Assigned{Attempt: 1, Agent: "a1"}},
		},
		{
			"a retry is assigned from its time on", retrying(),
			func(t task.Task) ([]task.Event, error) { return t.Assign("a2", instant(10)) },
			events{task.Assigned{Attempt: 2, Agent: "a2"}},
		},
		{
			"a returned assignment raises the attempt all the same", assigned().and(task.AssignmentReturned{Attempt: 1, Agent: "a1", Reason: "full"}),
			func(t task.Task) ([]task.Event, error) { return t.Assign("a1", now) },
			events{task.Assigned{Attempt: 2, Agent: "a1"}},
		},
		{
			"a completion says what it left behind", assigned(),
			func(t task.Task) ([]task.Event, error) {
				return t.Complete(1, "a1", instant(3), inline(`{"ok":true}`), inline(`"log"`))
			},
			events{task.Completed{Attempt: 1, Agent: "a1", StartedAt: instant(3), Result: inline(`{"ok":true}`), Log: inline(`"log"`)}},
		},
		{
			"a failure with attempts left is retried after the backoff", running(),
			func(t task.Task) ([]task.Event, error) {
				return t.Fail(1, "a1", task.Failure{Message: "boom", StartedAt: instant(3), Log: inline(`"log"`)}, now)
			},
			events{task.AttemptFailed{
				Attempt: 1, Agent: "a1", StartedAt: instant(3), Error: "boom", Log: inline(`"log"`),
				Outcome: task.OutcomeRetry, RetryAt: now.Add(pauseOf(t, running().fold())),
			}},
		},
		{
			"a permanent failure is final with attempts left", running(),
			func(t task.Task) ([]task.Event, error) {
				return t.Fail(1, "a1", task.Failure{Message: "no", Permanent: true}, now)
			},
			events{task.AttemptFailed{Attempt: 1, Agent: "a1", Error: "no", Outcome: task.OutcomeFail}},
		},
		{
			"a permanent failure of the last attempt is failed, not dead-lettered", second(),
			func(t task.Task) ([]task.Event, error) {
				return t.Fail(2, "a2", task.Failure{Message: "no", Permanent: true}, now)
			},
			events{task.AttemptFailed{Attempt: 2, Agent: "a2", Error: "no", Outcome: task.OutcomeFail}},
		},
		{
			"the last failure is dead-lettered", second(),
			func(t task.Task) ([]task.Event, error) { return t.Fail(2, "a2", task.Failure{Message: "boom"}, now) },
			events{task.AttemptFailed{Attempt: 2, Agent: "a2", Error: "boom", Outcome: task.OutcomeDeadLetter}},
		},
		{
			"an expired lease names the agent that held it", assigned(),
			func(t task.Task) ([]task.Event, error) { return t.ExpireLease(1, "silent", now) },
			events{task.LeaseExpired{
				Attempt: 1, Agent: "a1", Reason: "silent", Outcome: task.OutcomeRetry,
				RetryAt: now.Add(pauseOf(t, assigned().fold())),
			}},
		},
		{
			"the last lease to expire is dead-lettered", second(),
			func(t task.Task) ([]task.Event, error) { return t.ExpireLease(2, "silent", now) },
			events{task.LeaseExpired{Attempt: 2, Agent: "a2", Reason: "silent", Outcome: task.OutcomeDeadLetter}},
		},
		{
			"work is returned after it began, too", running(),
			func(t task.Task) ([]task.Event, error) { return t.Return(1, "a1", "the agent stops") },
			events{task.AssignmentReturned{Attempt: 1, Agent: "a1", Reason: "the agent stops"}},
		},
		{
			"a deadline passes at its very instant", running(),
			func(t task.Task) ([]task.Event, error) { return t.ExceedDeadline(instant(60)) },
			events{task.DeadlineExceeded{Deadline: instant(60)}},
		},
		{
			"a dead-lettered task is requeued with a new deadline", deadLettered(),
			func(t task.Task) ([]task.Event, error) { return t.Requeue("fixed", instant(99), now) },
			events{task.Requeued{Reason: "fixed", Deadline: instant(99)}},
		},
		{
			"progress of 0 and of 100 is fine", running(),
			func(t task.Task) ([]task.Event, error) {
				low, err := t.Progress(1, "a1", 0, "")
				high, err2 := t.Progress(1, "a1", 100, "done")
				if err == nil {
					err = err2
				}
				return append(low, high...), err
			},
			events{task.Progressed{Attempt: 1, Agent: "a1"}, task.Progressed{Attempt: 1, Agent: "a1", Percent: 100, Message: "done"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			thenEvents(t, tt.given, tt.when, tt.then...)
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	now, far := instant(20), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		given events
		when  decision
		then  *domain.Error
	}{
		{
			"a wrong spec", nil,
			func(t task.Task) ([]task.Event, error) { return t.Submit(task.Spec{}, "h1", now) }, invalid("queue"),
		},
		{
			"assigned before the retry is due", retrying(),
			func(t task.Task) ([]task.Event, error) { return t.Assign("a1", instant(10).Add(-1)) }, task.ErrNotWaiting,
		},
		{
			"assigned before not_before",
			events{task.Submitted{Spec: task.Spec{NotBefore: instant(30)}}},
			func(t task.Task) ([]task.Event, error) { return t.Assign("a1", instant(30).Add(-1)) }, task.ErrNotWaiting,
		},
		{
			"less progress than none", running(),
			func(t task.Task) ([]task.Event, error) { return t.Progress(1, "a1", -1, "") }, invalid("percent"),
		},
		{
			"more progress than all", running(),
			func(t task.Task) ([]task.Event, error) { return t.Progress(1, "a1", 101, "") }, invalid("percent"),
		},
		{
			"completed with a start that no event can hold", running(),
			func(t task.Task) ([]task.Event, error) {
				return t.Complete(1, "a1", far, domain.Payload{}, domain.Payload{})
			}, invalid("started_at"),
		},
		{
			"failed with a start that no event can hold", running(),
			func(t task.Task) ([]task.Event, error) { return t.Fail(1, "a1", task.Failure{StartedAt: far}, now) }, invalid("started_at"),
		},
		{
			"a deadline that is ahead", running(),
			func(t task.Task) ([]task.Event, error) { return t.ExceedDeadline(instant(60).Add(-1)) }, task.ErrInTime,
		},
		{
			"no deadline", failed().and(task.Requeued{}),
			func(t task.Task) ([]task.Event, error) { return t.ExceedDeadline(far) }, task.ErrInTime,
		},
		{
			"requeued with a deadline that has passed", deadLettered(),
			func(t task.Task) ([]task.Event, error) { return t.Requeue("", now.Add(-1), now) }, invalid("deadline"),
		},
		{
			"requeued with the deadline now", failed(),
			func(t task.Task) ([]task.Event, error) { return t.Requeue("", now, now) }, invalid("deadline"),
		},
		{
			"requeued with a deadline that no event can hold", failed(),
			func(t task.Task) ([]task.Event, error) { return t.Requeue("", far, now) }, invalid("deadline"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			thenRefused(t, tt.given, tt.when, tt.then)
		})
	}
}

// Whoever does not hold the current attempt is refused, whatever he reports.
func TestFencing(t *testing.T) {
	t.Parallel()
	reports := map[string]func(t task.Task, attempt int, agent string) ([]task.Event, error){
		"start":    task.Task.Start,
		"progress": func(t task.Task, n int, a string) ([]task.Event, error) { return t.Progress(n, a, 1000, "") },
		"complete": func(t task.Task, n int, a string) ([]task.Event, error) {
			return t.Complete(n, a, time.Time{}, inline(`1`), domain.Payload{})
		},
		"fail": func(t task.Task, n int, a string) ([]task.Event, error) {
			return t.Fail(n, a, task.Failure{Permanent: true}, instant(20))
		},
		"return": func(t task.Task, n int, a string) ([]task.Event, error) { return t.Return(n, a, "") },
	}
	for _, given := range []events{second(), second().and(task.Started{Attempt: 2, Agent: "a2"})} {
		for name, report := range reports {
			for _, attempt := range []int{math.MinInt, -1, 0, 1, 3, math.MaxInt} {
				for _, agent := range []string{"a1", "a2", ""} {
					t.Run(name, func(t *testing.T) {
						thenRefused(t, given, func(t task.Task) ([]task.Event, error) { return report(t, attempt, agent) }, task.ErrOldAttempt)
					})
				}
			}
			for _, agent := range []string{"a1", "", "A2", "a2 "} {
				t.Run(name, func(t *testing.T) {
					thenRefused(t, given, func(t task.Task) ([]task.Event, error) { return report(t, 2, agent) }, task.ErrWrongAgent)
				})
			}
		}
		thenRefused(t, given, func(t task.Task) ([]task.Event, error) { return t.ExpireLease(1, "", instant(20)) }, task.ErrOldAttempt)
		thenRefused(t, given, func(t task.Task) ([]task.Event, error) { return t.ExpireLease(3, "", instant(20)) }, task.ErrOldAttempt)
	}
}

// What the events leave behind.
func TestStates(t *testing.T) {
	t.Parallel()
	base := waiting().fold()
	change := func(f func(*task.Task)) task.Task {
		c := base
		f(&c)
		return c
	}
	for name, tt := range map[string]struct {
		given events
		want  task.Task
	}{
		"submitted for later": {events{task.Submitted{Spec: task.Spec{NotBefore: instant(7)}, RequestHash: "h"}}, task.Task{
			ID: taskID, Spec: task.Spec{NotBefore: instant(7)}, RequestHash: "h", Status: task.StatusWaiting, SubmittedAt: instant(0), NotBefore: instant(7),
		}},
		"assigned": {assigned(), change(func(t *task.Task) {
			t.Status, t.Attempt, t.Agent, t.LastSign = task.StatusAssigned, 1, "a1", instant(1)
		})},
		"running by progress alone": {assigned().and(task.Progressed{Attempt: 1, Agent: "a1"}), change(func(t *task.Task) {
			t.Status, t.Attempt, t.Agent, t.LastSign = task.StatusRunning, 1, "a1", instant(2)
		})},
		"completed": {completed(), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign = task.StatusCompleted, 1, instant(2)
		})},
		"retrying": {retrying(), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Failures = task.StatusWaiting, 1, instant(2), 1
			t.Reason, t.NotBefore = "boom", instant(10)
		})},
		"returned after a failure": {second().and(task.AssignmentReturned{Attempt: 2, Agent: "a2", Reason: "full"}), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Failures, t.Reason = task.StatusWaiting, 2, instant(4), 1, "full"
		})},
		"dead-lettered": {deadLettered(), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Failures, t.Reason = task.StatusDeadLettered, 2, instant(4), 2, "silent"
		})},
		"cancelled while running": {running().and(task.Cancelled{Reason: "enough"}), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Reason = task.StatusCancelled, 1, instant(2), "enough"
		})},
		"too late": {running().and(task.DeadlineExceeded{Deadline: instant(60)}), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Reason = task.StatusFailed, 1, instant(2), "deadline exceeded"
		})},
		"requeued keeps counting attempts, not failures": {deadLettered().and(task.Requeued{Reason: "fixed", Deadline: instant(99)}), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Reason, t.Spec.Deadline = task.StatusWaiting, 2, instant(4), "fixed", instant(99)
		})},
		"requeued without a deadline": {failed().and(task.Requeued{}), change(func(t *task.Task) {
			t.Status, t.Attempt, t.LastSign, t.Spec.Deadline = task.StatusWaiting, 1, instant(2), time.Time{}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.given.fold()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRefusalSaysWhere(t *testing.T) {
	t.Parallel()
	_, err := cancelled().fold().Complete(1, "a1", time.Time{}, domain.Payload{}, domain.Payload{})
	if err == nil || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("a late result of a cancelled task: %v", err)
	}
}
