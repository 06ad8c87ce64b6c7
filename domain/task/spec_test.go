package task_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ given, want task.Spec }{
		"nothing is said": {task.Spec{}, task.Spec{
			Queue: "default", Lease: 30_000,
			Retry: task.Retry{MaxAttempts: 3, Backoff: 1_000, MaxBackoff: 60_000, Jitter: 0.2},
		}},
		"a long backoff raises its limit": {task.Spec{Retry: task.Retry{Backoff: 90_000}}, task.Spec{
			Queue: "default", Lease: 30_000,
			Retry: task.Retry{MaxAttempts: 3, Backoff: 90_000, MaxBackoff: 90_000, Jitter: 0.2},
		}},
		"what is said stays": {goldenSubmitted().Spec, goldenSubmitted().Spec},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.given.WithDefaults()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := got.Validate(instant(0)); err != nil {
				t.Errorf("the defaults are refused: %v", err)
			}
		})
	}
}

// Each limit: the change fits at the limit and is refused beyond it.
func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	now := instant(0)
	for _, tt := range []struct {
		name, field string
		change      func(*task.Spec)
	}{
		{"the longest queue", "", func(s *task.Spec) { s.Queue = strings.Repeat("q", 63) }},
		{"queue too long", "queue", func(s *task.Spec) { s.Queue = strings.Repeat("q", 64) }},
		{"queue with a space", "queue", func(s *task.Spec) { s.Queue = "a b" }},
		{"queue beyond ASCII", "queue", func(s *task.Spec) { s.Queue = "größe" }},
		{"most capabilities", "", func(s *task.Spec) { s.Capabilities = many(task.MaxCapabilities) }},
		{"too many capabilities", "capabilities", func(s *task.Spec) { s.Capabilities = many(task.MaxCapabilities + 1) }},
		{"empty capability", "capabilities", func(s *task.Spec) { s.Capabilities = []string{"gpu", ""} }},
		{"lowest priority", "", func(s *task.Spec) { s.Priority = 0 }},
		{"highest priority", "", func(s *task.Spec) { s.Priority = task.MaxPriority }},
		{"priority too low", "priority", func(s *task.Spec) { s.Priority = -1 }},
		{"priority too high", "priority", func(s *task.Spec) { s.Priority = task.MaxPriority + 1 }},
		{"next deadline", "", func(s *task.Spec) { s.Deadline = now.Add(1) }},
		{"deadline now", "deadline", func(s *task.Spec) { s.Deadline = now }},
		{"deadline of the year 10000", "deadline", func(s *task.Spec) { s.Deadline = now.AddDate(8000, 0, 0) }},
		{"not_before in the past", "", func(s *task.Spec) { s.NotBefore = now.Add(-time.Hour) }},
		{"not_before of the year 10000", "not_before", func(s *task.Spec) { s.NotBefore = now.AddDate(8000, 0, 0) }},
		{"not_before of the year -1", "not_before", func(s *task.Spec) { s.NotBefore = now.AddDate(-2027, 0, 0) }},
		{"not_before just before the deadline", "", func(s *task.Spec) { s.Deadline, s.NotBefore = instant(9), instant(9).Add(-1) }},
		{"not_before at the deadline", "not_before", func(s *task.Spec) { s.Deadline, s.NotBefore = instant(9), instant(9) }},
		{"shortest lease", "", func(s *task.Spec) { s.Lease = task.MinLease }},
		{"lease too short", "lease_ms", func(s *task.Spec) { s.Lease = task.MinLease - 1 }},
		{"longest lease", "", func(s *task.Spec) { s.Lease = task.MaxLease }},
		{"lease too long", "lease_ms", func(s *task.Spec) { s.Lease = task.MaxLease + 1 }},
		{"most attempts", "", func(s *task.Spec) { s.Retry.MaxAttempts = task.MaxAttempts }},
		{"too many attempts", "retry.max_attempts", func(s *task.Spec) { s.Retry.MaxAttempts = task.MaxAttempts + 1 }},
		{"too few attempts", "retry.max_attempts", func(s *task.Spec) { s.Retry.MaxAttempts = -1 }},
		{"longest backoff", "", func(s *task.Spec) { s.Retry.Backoff, s.Retry.MaxBackoff = task.MaxBackoff, task.MaxBackoff }},
		{"backoff too long", "retry.backoff_ms", func(s *task.Spec) { s.Retry.Backoff, s.Retry.MaxBackoff = task.MaxBackoff+1, task.MaxBackoff+1 }},
		{"backoff negative", "retry.backoff_ms", func(s *task.Spec) { s.Retry.Backoff = -1 }},
		{"backoff over its limit", "retry.max_backoff_ms", func(s *task.Spec) { s.Retry.Backoff, s.Retry.MaxBackoff = 10, 9 }},
		{"backoff limit too long", "retry.max_backoff_ms", func(s *task.Spec) { s.Retry.MaxBackoff = math.MaxInt64 }},
		{"all jitter", "", func(s *task.Spec) { s.Retry.Jitter = 1 }},
		{"too much jitter", "retry.jitter", func(s *task.Spec) { s.Retry.Jitter = math.Nextafter(1, 2) }},
		{"negative jitter", "retry.jitter", func(s *task.Spec) { s.Retry.Jitter = -0.1 }},
		{"jitter that is no number", "retry.jitter", func(s *task.Spec) { s.Retry.Jitter = math.NaN() }},
		{"label key with a space", "labels", func(s *task.Spec) { s.Labels = map[string]string{"a b": ""} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := task.Spec{}.WithDefaults()
			tt.change(&s)
			submit := func(x task.Task) ([]task.Event, error) { return x.Submit(s, "h1", now) }
			if tt.field == "" {
				thenEvents(t, nil, submit, task.Submitted{Spec: s, RequestHash: "h1"})
				return
			}
			thenRefused(t, nil, submit, invalid(tt.field))
		})
	}
}

func many(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "c" + strings.Repeat("x", i)
	}
	return names
}

// What a task wants of memory is part of its first event, and absent when it
// wants nothing, so that earlier events read the same.
func TestMemoryOfATask(t *testing.T) {
	t.Parallel()
	plain, err := json.Marshal(task.Submitted{})
	if err != nil || strings.Contains(string(plain), "recall") || strings.Contains(string(plain), "remember") {
		t.Fatalf("%s, %v", plain, err)
	}
	want := task.Submitted{Spec: task.Spec{Remember: true, Recall: &task.Recall{Query: "Größe", Budget: 300, Kinds: []string{"fact"}}}}
	data, err := json.Marshal(want)
	if err != nil || !strings.Contains(string(data), `"recall":{"query":"Größe","budget":300,"kinds":["fact"]},"remember":true`) {
		t.Fatalf("%s, %v", data, err)
	}
	got, err := task.Decode("task.submitted", task.Schema, data)
	if diff := cmp.Diff(task.Event(want), got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestRecallNamesTheField(t *testing.T) {
	t.Parallel()
	for field, r := range map[string][]task.Recall{
		"":              {{}, {Query: strings.Repeat("q", task.MaxRecallQuery), Budget: task.MinRecallBudget}, {Budget: task.MaxRecallBudget}},
		"recall.query":  {{Query: strings.Repeat("q", task.MaxRecallQuery+1)}, {Query: "a\x00"}, {Query: "\xff"}},
		"recall.budget": {{Budget: task.MinRecallBudget - 1}, {Budget: -1}, {Budget: task.MaxRecallBudget + 1}},
		"recall.kinds":  {{Kinds: []string{"a b"}}, {Kinds: make([]string, task.MaxRecallKinds+1)}},
	} {
		for _, recall := range r {
			err := task.Spec{Recall: &recall}.WithDefaults().Validate(time.Time{})
			var e *domain.Error
			if field == "" && err != nil || field != "" && (!errors.As(err, &e) || e.Field != field) {
				t.Errorf("%.60v: %v, want one about %q", recall, err, field)
			}
		}
	}
}
