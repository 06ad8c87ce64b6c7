package eventstore_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/eventstore"
)

func fullRecord() eventstore.Record {
	return eventstore.Record{
		Seq: 7, Entity: eventstore.Entity{Tenant: "acme", Kind: "task", ID: "0193"}, ID: "id", Type: "task.submitted", Schema: 3,
		Time: time.Date(2026, 11, 23, 4, 5, 6, 789, time.UTC), Source: "/mesh", Actor: "p1", Command: "c1", Correlation: "co",
		Causation: "ca", TraceParent: "00-1-2-01", Index: 2, Count: 3, Key: "k1", Data: json.RawMessage(`{"a":1}`),
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	want := fullRecord()
	h := eventstore.EncodeHeader(want)
	equal(t, h, nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"id"}, "ce-type": {"task.submitted"}, "ce-source": {"/mesh"}, "ce-subject": {"task/0193"},
		"ce-time": {"2026-11-23T04:05:06.000000789Z"}, "mesh-schema": {"3"}, "mesh-actor": {"p1"}, "mesh-command": {"c1"},
		"mesh-correlation": {"co"}, "mesh-causation": {"ca"}, "mesh-decision": {"2/3"}, "mesh-key": {"k1"}, "traceparent": {"00-1-2-01"},
	})
	got, err := eventstore.DecodeRecord("ev.acme.task.0193", 7, h, want.Data)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
	for key, bad := range map[string]string{
		"ce-specversion": "0.3", "ce-id": "", "ce-type": "", "ce-time": "yesterday", "mesh-schema": "x", "mesh-decision": "3/2",
	} {
		h := eventstore.EncodeHeader(want)
		h[key] = []string{bad}
		got, err := eventstore.DecodeRecord("ev.acme.task.0193", 7, h, want.Data)
		if !errors.Is(err, eventstore.ErrInvalid) || got.Type != "" || got.Seq != 7 || !got.EndsDecision() {
			t.Errorf("%s %q: %+v, %v", key, bad, got, err)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add("id", "task.submitted", "a", "c", "co", "2026-11-23T04:05:06Z", "1", "1/1")
	f.Add("", "", "", "", "", "", "", "")
	f.Add("id", "t", "a", "c", "co", "2026-11-23T04:05:06.5+01:00", "-1", "2/1000")
	f.Add("id", "t", "a\x00", "\xff", "é", "0000-01-01T00:00:00Z", "99999999999999999999", "1/1/1")
	f.Fuzz(func(t *testing.T, id, kind, actor, command, correlation, when, schema, place string) {
		h := nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-type": {kind}, "mesh-actor": {actor}, "mesh-command": {command},
			"mesh-correlation": {correlation}, "ce-time": {when}, "mesh-schema": {schema}, "mesh-decision": {place},
		}
		r, err := eventstore.DecodeRecord("ev.acme.task.1", 1, h, nil)
		if r.Index < 1 || r.Index > r.Count || r.Count > 1000 {
			t.Fatalf("place %d/%d", r.Index, r.Count)
		}
		if err != nil {
			if r.Type != "" || !errors.Is(err, eventstore.ErrInvalid) {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		again, err := eventstore.DecodeRecord("ev.acme.task.1", 1, eventstore.EncodeHeader(r), nil)
		if err != nil || !again.Time.Equal(r.Time) {
			t.Fatalf("%v: %+v, then %+v", err, r, again)
		}
		again.Time = r.Time
		equal(t, again, r)
	})
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"ev.acme.task.1", "ev.a.b", "ev.a.b.c.d", "ev.*.task.1", "ev.a.task.>", "ev.a. .b", "ev..b.c", "xx.a.b.c", "ev.a.b." + strings.Repeat("x", 129), "ev.é.b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		e, err := eventstore.ParseSubject(subject)
		if err != nil {
			if !errors.Is(err, eventstore.ErrInvalid) || e != (eventstore.Entity{}) {
				t.Fatalf("%+v, %v", e, err)
			}
			return
		}
		back, err := e.Subject()
		if err != nil || back != subject || strings.ContainsAny(subject, "*> \r\n\t") || strings.Count(subject, ".") != 3 {
			t.Fatalf("%q became %q: %v", subject, back, err)
		}
	})
}
