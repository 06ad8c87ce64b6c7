package task_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

// pauseOf is how long the task would wait after a failure of its attempt.
func pauseOf(t rapid.TB, given task.Task) time.Duration {
	t.Helper()
	es, err := given.Fail(given.Attempt, given.Agent, task.Failure{}, instant(0))
	if err != nil {
		t.Fatalf("fail: %v", err)
	}
	e, ok := es[0].(task.AttemptFailed)
	if !ok || e.Outcome != task.OutcomeRetry {
		t.Fatalf("no retry: %+v", es)
	}
	return e.RetryAt.Sub(instant(0))
}

func attempting(id string, r task.Retry, attempt, failures int) task.Task {
	return task.Task{ID: id, Spec: task.Spec{Retry: r}, Status: task.StatusRunning, Attempt: attempt, Failures: failures, Agent: "a1"}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		backoff, limit domain.Millis
		want           []time.Duration // without jitter, in milliseconds
	}{
		{1_000, 60_000, []time.Duration{1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000}},
		{1, 3, []time.Duration{1, 2, 3, 3}},
		{1, 1, []time.Duration{1, 1, 1}},
		{5, 11, []time.Duration{5, 10, 11, 11}},
		{0, 60_000, []time.Duration{0, 0, 0}},
		{task.MaxBackoff, task.MaxBackoff, []time.Duration{86_400_000, 86_400_000}},
		{math.MaxInt64 / 1_000_000, math.MaxInt64 / 1_000_000, []time.Duration{9_223_372_036_854, 9_223_372_036_854}},
		{10, 5, []time.Duration{5, 5}},
	} {
		r := task.Retry{MaxAttempts: task.MaxAttempts, Backoff: tt.backoff, MaxBackoff: tt.limit}
		for failures, want := range tt.want {
			if got := pauseOf(t, attempting("t", r, failures+1, failures)); got.Round(time.Millisecond) != want*time.Millisecond {
				t.Errorf("backoff %d up to %d after %d failures: %s, want %s", tt.backoff, tt.limit, failures, got, want*time.Millisecond)
			}
		}
	}
}

func TestPauseBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := task.Retry{MaxAttempts: task.MaxAttempts, Jitter: rapid.Float64Range(0, 1).Draw(t, "jitter")}
		r.Backoff = domain.Millis(rapid.Int64Range(0, int64(task.MaxBackoff)).Draw(t, "backoff"))
		r.MaxBackoff = domain.Millis(rapid.Int64Range(int64(r.Backoff), int64(task.MaxBackoff)).Draw(t, "limit"))
		id := rapid.String().Draw(t, "id")
		failures := rapid.IntRange(0, task.MaxAttempts-2).Draw(t, "failures")
		attempt := failures + rapid.IntRange(1, 5).Draw(t, "returned")

		steady := r
		steady.Jitter = 0
		whole := pauseOf(t, attempting(id, steady, attempt, failures))
		if whole < r.Backoff.Duration() || whole > r.MaxBackoff.Duration() {
			t.Fatalf("%s without jitter", whole)
		}
		got := pauseOf(t, attempting(id, r, attempt, failures))
		if least := time.Duration(float64(whole) * (1 - r.Jitter)); got < least-1 || got > whole {
			t.Fatalf("%s is not between %s and %s", got, least, whole)
		}
		if again := pauseOf(t, attempting(id, r, attempt, failures)); again != got {
			t.Fatalf("%s the second time, not %s", again, got)
		}
	})
}

// Tasks that fail together must not come back together.
func TestJitterSpreads(t *testing.T) {
	t.Parallel()
	r := task.Retry{MaxAttempts: 3, Backoff: 1_000, MaxBackoff: 1_000, Jitter: 1}
	const tasks, parts = 10_000, 10
	var counts [parts]int
	for i := range tasks {
		p := pauseOf(t, attempting(fmt.Sprintf("0195a0a0-0000-7000-8000-%012d", i), r, 1, 0))
		counts[min(int(p*parts/time.Second), parts-1)]++
	}
	for i, n := range counts {
		if n < tasks/parts/2 || n > tasks/parts*2 {
			t.Errorf("%d of %d tasks in part %d of %d", n, tasks, i, parts)
		}
	}
}

// The attempts of one task do not all draw the same share.
func TestJitterVariesByAttempt(t *testing.T) {
	t.Parallel()
	r := task.Retry{MaxAttempts: 2, Backoff: 1_000, MaxBackoff: 1_000, Jitter: 1}
	seen := map[time.Duration]bool{}
	for attempt := 1; attempt <= 50; attempt++ {
		seen[pauseOf(t, attempting(taskID, r, attempt, 0)).Round(time.Millisecond)] = true
	}
	if len(seen) < 25 {
		t.Errorf("%d different pauses in 50 attempts", len(seen))
	}
}
