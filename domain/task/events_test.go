package task_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/eventtest"
	"github.com/hivemesh/hivemesh/domain/task"
)

// suite lists an example of every event; they are also the golden files.
func suite() eventtest.Suite[task.Event] {
	first := goldenSubmitted()
	first.Capabilities, first.Recall, first.Remember = []string{"gpu"}, nil, false
	return eventtest.Suite[task.Event]{
		Schema: task.Schema, Decoders: task.Decoders, Decode: task.Decode,
		Events: []task.Event{
			goldenSubmitted(),
			task.Assigned{Attempt: 2, Agent: "a1"},
			task.Started{Attempt: 2, Agent: "a1"},
			task.Progressed{Attempt: 2, Agent: "a1", Percent: 40, Message: "half–way: 半分"},
			task.Completed{Attempt: 2, Agent: "a1", StartedAt: instant(5), Result: artifact(), Log: inline(`"one\ntwo"`)},
			task.AttemptFailed{
				Attempt: 2, Agent: "a1", StartedAt: instant(5), Error: "exit status 1", Log: inline(`"boom"`),
				Outcome: task.OutcomeRetry, RetryAt: instant(9),
			},
			task.LeaseExpired{Attempt: 2, Agent: "a1", Reason: "agent lost", Outcome: task.OutcomeRetry, RetryAt: instant(9)},
			task.AssignmentReturned{Attempt: 2, Agent: "a1", Reason: "the agent is at its capacity"},
			task.DeadlineExceeded{Deadline: instant(60)},
			task.Cancelled{Reason: "not needed"},
			task.Requeued{Reason: "fixed", Deadline: instant(120)},
		},
		Old: map[string]task.Event{"task.submitted.v1.json": first},
	}
}

func goldenSubmitted() task.Submitted {
	return task.Submitted{
		Spec: task.Spec{
			Queue: "reports", Capabilities: []string{"gpu", "lang/go:1.26"}, Priority: 7, Input: inline(`{"n":1}`),
			Deadline: instant(60), NotBefore: instant(1), Lease: 30_000,
			Retry:  task.Retry{MaxAttempts: 3, Backoff: 1_000, MaxBackoff: 60_000, Jitter: 0.2},
			Labels: map[string]string{"env": "prod", "team": "größe"},
			Recall: &task.Recall{Query: "who owns the reports?", Budget: 500, Kinds: []string{"fact"}}, Remember: true,
		},
		RequestHash: "0123456789abcdef0123456789abcdef",
	}
}

// instant is a time in seconds after the start of the golden history.
func instant(s float64) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

func inline(s string) domain.Payload { return domain.Payload{Inline: json.RawMessage(s)} }

func artifact() domain.Payload {
	return domain.Payload{Artifact: &domain.Artifact{Digest: "sha256:" + strings.Repeat("ab", 32), Size: 300_000, MediaType: "application/json"}}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	suite().Run(t)
}

func FuzzDecode(f *testing.F) { suite().Fuzz(f) }

func TestDecodeUpcastsSubmitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, data string
		want       []string
	}{
		{"one", `{"queue":"q","capability":"gpu"}`, []string{"gpu"}},
		{"none", `{"queue":"q"}`, nil},
		{"empty", `{"queue":"q","capability":""}`, nil},
		{"null", `{"queue":"q","capability":null}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := task.Decode("task.submitted", 1, []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(task.Event(task.Submitted{Spec: task.Spec{Queue: "q", Capabilities: tt.want}}), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// An outcome of a newer binary must not leave the task held by nobody.
func TestDecodeRefusesUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"task.attempt_failed", "task.lease_expired"} {
		for _, data := range []string{`{"attempt":1,"agent":"a1","outcome":"pause"}`, `{"attempt":1,"agent":"a1"}`} {
			if e, err := task.Decode(typ, task.Schema, []byte(data)); err == nil {
				t.Errorf("%s was decoded from %s: %+v", typ, data, e)
			}
		}
	}
}
