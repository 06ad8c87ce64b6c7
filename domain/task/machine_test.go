package task_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

// machine sends random commands to one task and checks after each that the
// invariants hold. Its state is folded from what went through JSON.
type machine struct {
	task    task.Task
	now     time.Time
	holders map[int]string // who was given each attempt
}

func TestRandomCommandsKeepTheInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{task: task.Task{ID: taskID}, now: instant(0), holders: map[int]string{}}
		rt.Repeat(map[string]func(*rapid.T){
			"submit":   m.submit,
			"assign":   m.assign,
			"assign2":  m.assign, // often enough to get anywhere
			"start":    m.report(func(a int, by string) ([]task.Event, error) { return m.task.Start(a, by) }),
			"progress": m.report(func(a int, by string) ([]task.Event, error) { return m.task.Progress(a, by, 50, "half") }),
			"complete": m.report(func(a int, by string) ([]task.Event, error) {
				return m.task.Complete(a, by, m.now, inline(`{"ok":true}`), domain.Payload{})
			}),
			"fail": m.report(func(a int, by string) ([]task.Event, error) {
				return m.task.Fail(a, by, task.Failure{Message: "boom"}, m.now)
			}),
			"give up": m.report(func(a int, by string) ([]task.Event, error) {
				return m.task.Fail(a, by, task.Failure{Message: "no", Permanent: true}, m.now)
			}),
			"return": m.report(func(a int, by string) ([]task.Event, error) { return m.task.Return(a, by, "full") }),
			"expire": m.expire,
			"exceed": m.exceed,
			"cancel": m.cancel,
			"requeue": func(rt *rapid.T) {
				deadline := rapid.SampledFrom([]time.Time{{}, m.now.Add(time.Minute), m.now}).Draw(rt, "deadline")
				_ = m.do(rt, func() ([]task.Event, error) { return m.task.Requeue("again", deadline, m.now) })
			},
			"wait": func(rt *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 30_000).Draw(rt, "ms")) * time.Millisecond)
			},
		})
	})
}

func (m *machine) submit(rt *rapid.T) {
	s := task.Spec{Retry: task.Retry{MaxAttempts: rapid.IntRange(1, 4).Draw(rt, "attempts")}}.WithDefaults()
	if rapid.Bool().Draw(rt, "deadline") {
		s.Deadline = m.now.Add(2 * time.Minute)
	}
	if rapid.Bool().Draw(rt, "later") {
		s.NotBefore = m.now.Add(time.Second)
	}
	_ = m.do(rt, func() ([]task.Event, error) { return m.task.Submit(s, "h1", m.now) })
}

func (m *machine) assign(rt *rapid.T) {
	agent := rapid.SampledFrom([]string{"a1", "a2", "a3"}).Draw(rt, "agent")
	_ = m.do(rt, func() ([]task.Event, error) { return m.task.Assign(agent, m.now) })
}

// report sends a report of the holder half of the time, else of anybody about
// any attempt; that one must be refused.
func (m *machine) report(send func(attempt int, agent string) ([]task.Event, error)) func(*rapid.T) {
	return func(rt *rapid.T) {
		attempt, agent := m.task.Attempt, m.task.Agent
		if rapid.Bool().Draw(rt, "anybody") {
			attempt += rapid.IntRange(-2, 1).Draw(rt, "attempt")
			agent = rapid.SampledFrom([]string{"a1", "a2", "a3", ""}).Draw(rt, "by")
		}
		current := m.task.Status.Held() && attempt == m.task.Attempt && agent == m.holders[attempt]
		err := m.do(rt, func() ([]task.Event, error) { return send(attempt, agent) })
		if (err == nil) != current {
			rt.Fatalf("a report by %q about attempt %d of %+v: %v", agent, attempt, m.task, err)
		}
	}
}

func (m *machine) expire(rt *rapid.T) {
	attempt := m.task.Attempt - rapid.IntRange(0, 2).Draw(rt, "older")
	current := m.task.Status.Held() && attempt == m.task.Attempt
	err := m.do(rt, func() ([]task.Event, error) { return m.task.ExpireLease(attempt, "silent", m.now) })
	if (err == nil) != current {
		rt.Fatalf("lease of attempt %d of %+v: %v", attempt, m.task, err)
	}
}

func (m *machine) exceed(rt *rapid.T) {
	d := m.task.Spec.Deadline
	due := m.open() && !d.IsZero() && !m.now.Before(d)
	err := m.do(rt, func() ([]task.Event, error) { return m.task.ExceedDeadline(m.now) })
	if (err == nil) != due {
		rt.Fatalf("deadline %s at %s: %v", d, m.now, err)
	}
}

func (m *machine) cancel(rt *rapid.T) {
	open := m.open()
	err := m.do(rt, func() ([]task.Event, error) { return m.task.Cancel("enough") })
	if open && (err != nil || m.task.Status != task.StatusCancelled) {
		rt.Fatalf("cancelling did not win: %v, %+v", err, m.task)
	}
}

func (m *machine) open() bool { return m.task.Exists() && !m.task.Status.Final() }

// do decides twice, folds what was decided and checks the step.
func (m *machine) do(rt *rapid.T, decide func() ([]task.Event, error)) error {
	decided, err := decide()
	again, err2 := decide()
	if diff := cmp.Diff(decided, again); diff != "" || (err == nil) != (err2 == nil) {
		rt.Fatalf("deciding is not a function of its arguments: %v, %v\n%s", err, err2, diff)
	}
	var refusal *domain.Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Kind == domain.Internal || len(decided) > 0) {
		rt.Fatalf("refused with %v and %d events", err, len(decided))
	}
	if len(decided) > 1 {
		rt.Fatalf("one decision made %d events", len(decided))
	}
	for _, e := range decided {
		before, direct := m.task, m.task.Apply(e, m.now)
		m.task = before.Apply(stored(rt, e), m.now)
		if diff := cmp.Diff(direct, m.task); diff != "" {
			rt.Fatalf("%s is not the same after JSON:\n%s", e.Type(), diff)
		}
		m.checkStep(rt, before, e)
		m.checkState(rt)
	}
	return err
}

func stored(rt *rapid.T, e task.Event) task.Event {
	data, err := json.Marshal(e)
	if err != nil {
		rt.Fatal(err)
	}
	back, err := task.Decode(e.Type(), task.Schema, data)
	if err != nil {
		rt.Fatal(err)
	}
	return back
}

// checkStep checks what one event may change.
func (m *machine) checkStep(rt *rapid.T, before task.Task, e task.Event) {
	after := m.task
	_, requeued := e.(task.Requeued)
	_, assigned := e.(task.Assigned)
	_, failed := e.(task.AttemptFailed)
	_, expired := e.(task.LeaseExpired)
	if before.Status.Final() && !requeued {
		rt.Fatalf("%s changed a final task: %+v", e.Type(), before)
	}
	if want := before.Attempt + count(assigned); after.Attempt != want {
		rt.Fatalf("%s: attempt %d, want %d", e.Type(), after.Attempt, want)
	}
	if want := before.Failures + count(failed || expired); after.Failures != want && !requeued {
		rt.Fatalf("%s: %d failures, want %d", e.Type(), after.Failures, want)
	}
	if assigned {
		if before.Status != task.StatusWaiting || m.now.Before(before.NotBefore) || m.holders[after.Attempt] != "" {
			rt.Fatalf("attempt %d was given to %s although %+v", after.Attempt, after.Agent, before)
		}
		m.holders[after.Attempt] = after.Agent
	}
	if after.SubmittedAt != before.SubmittedAt && before.Exists() {
		rt.Fatalf("%s: submitted at %s", e.Type(), after.SubmittedAt)
	}
}

// checkState checks what holds for every task.
func (m *machine) checkState(rt *rapid.T) {
	s, most := m.task, m.task.Spec.Retry.MaxAttempts
	switch {
	case s.Status.Held() != (s.Agent != ""):
		rt.Fatalf("held by %q: %+v", s.Agent, s)
	case s.Status.Held() && s.Agent != m.holders[s.Attempt]:
		rt.Fatalf("held by %q, given to %q", s.Agent, m.holders[s.Attempt])
	case s.Failures < 0 || s.Failures > most || s.Failures > s.Attempt:
		rt.Fatalf("%d failures: %+v", s.Failures, s)
	case s.Status == task.StatusDeadLettered && s.Failures != most:
		rt.Fatalf("dead-lettered too early: %+v", s)
	case !s.Status.Final() && s.Failures == most:
		rt.Fatalf("tried too often: %+v", s)
	case s.NotBefore.After(m.now.Add(s.Spec.Retry.MaxBackoff.Duration())) && s.Attempt > 0:
		rt.Fatalf("waits too long: %+v", s)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
