package eventstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/eventstore/internal/natstest"
)

// TestDrift makes streams that break one promise each.
func TestDrift(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, natstest.Options(t.TempDir())))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":                func(c *jetstream.StreamConfig) { c.Subjects = []string{"ev.>", "more.>"} },
		"storage":                 func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention":               func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"discard":                 func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"discard_new_per_subject": func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject, c.MaxMsgsPerSubject = true, 5 },
		"max_age":                 func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs":                func(c *jetstream.StreamConfig) { c.MaxMsgs = 5 },
		"max_msgs_per_subject":    func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"max_msg_size":            func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 },
		"deny_delete":             func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"deny_purge":              func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"allow_direct":            func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"allow_atomic":            func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"persist_mode": func(c *jetstream.StreamConfig) {
			c.PersistMode, c.AllowAtomicPublish = jetstream.AsyncPersistMode, false
		},
		"metadata.mesh_schema": func(c *jetstream.StreamConfig) { c.Metadata["mesh_schema"] = "2" },
		"metadata.mesh_epoch":  func(c *jetstream.StreamConfig) { delete(c.Metadata, "mesh_epoch") },
		"mirror":               func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{Name: "OTHER"}; mirrored(c) },
		"sources":              func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "OTHER"}} },
		"subject_transform": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "ev.a.>", Destination: "ev.b.>"}
		},
		"no_ack":            func(c *jetstream.StreamConfig) { c.NoAck, c.AllowAtomicPublish = true, false },
		"allow_rollup_hdrs": func(c *jetstream.StreamConfig) { c.AllowRollup, c.DenyPurge = true, false },
		"allow_msg_ttl":     func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"subject_delete_marker_ttl": func(c *jetstream.StreamConfig) {
			c.SubjectDeleteMarkerTTL, c.AllowRollup, c.DenyPurge = time.Hour, true, false
		},
		"allow_msg_counter": func(c *jetstream.StreamConfig) { c.AllowMsgCounter, c.Discard = true, jetstream.DiscardOld },
		"allow_msg_schedules": func(c *jetstream.StreamConfig) {
			c.AllowMsgSchedules = true
			c.DenyPurge, c.Discard = false, jetstream.DiscardOld
		},
		"allow_batched": func(c *jetstream.StreamConfig) { c.AllowBatchPublish = true },
		"num_replicas":  func(*jetstream.StreamConfig) {},
	} {
		t.Run(field, func(t *testing.T) {
			name := "EVENTS-" + strings.ReplaceAll(field, ".", "-")
			c := jetstream.StreamConfig{
				Name: name, Subjects: []string{"ev.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
				DenyDelete: true, DenyPurge: true, AllowDirect: true, AllowAtomicPublish: true,
				Metadata: map[string]string{"mesh_epoch": "e", "mesh_schema": "1"},
			}
			change(&c)
			// The server may still be busy deleting the stream before.
			natstest.Eventually(t, "the stream is made", func() bool {
				_, err := js.CreateStream(t.Context(), c)
				return err == nil
			})
			defer func() {
				if err := js.DeleteStream(t.Context(), name); err != nil {
					t.Error(err)
				}
			}()
			replicas := 1
			if field == "num_replicas" {
				replicas = 3
			}
			_, err := eventstore.Open(t.Context(), nc, eventstore.Config{Stream: name, Replicas: replicas})
			var drift *eventstore.DriftError
			if !errors.As(err, &drift) || !implied(drift.Field, field) {
				t.Errorf("open: %v", err)
			}
		})
	}
}

// mirrored drops what a mirror may not have.
func mirrored(c *jetstream.StreamConfig) {
	c.Subjects, c.AllowAtomicPublish = nil, false
}

// implied reports whether found is the field changed, or one that the server
// only allows to be changed along with it.
func implied(found, changed string) bool {
	along := map[string][]string{
		"mirror":                    {"subjects"},
		"discard_new_per_subject":   {"max_msgs_per_subject"},
		"persist_mode":              {"allow_atomic"},
		"no_ack":                    {"allow_atomic"},
		"allow_rollup_hdrs":         {"deny_purge"},
		"subject_delete_marker_ttl": {"deny_purge"},
		"allow_msg_counter":         {"discard"},
		"allow_msg_schedules":       {"discard"},
	}
	if found == changed {
		return true
	}
	for _, f := range along[changed] {
		if f == found {
			return true
		}
	}
	return false
}

// TestReopen finds the same log again, and takes over a new size limit.
func TestReopen(t *testing.T) {
	t.Parallel()
	s, nc := setup(t)
	if _, err := s.Append(t.Context(), one(newEntity(), 0, "c")); err != nil {
		t.Fatal(err)
	}
	again := open(t, nc, eventstore.Config{Stream: "EVENTS", MaxBytes: 1 << 30})
	equal(t, again.Epoch(), s.Epoch())
	if last, err := again.LastSeq(t.Context()); last != 1 || err != nil {
		t.Errorf("LastSeq = %d, %v", last, err)
	}
	d, err := again.Durability(t.Context())
	if err != nil || d.Replicas != 1 || d.Peers != 1 {
		t.Errorf("durability: %+v, %v", d, err)
	}
}

// TestFull fills a small log; single events and groups are both refused then.
func TestFull(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, natstest.Options(t.TempDir())))
	s := open(t, nc, eventstore.Config{Stream: "EVENTS", MaxBytes: 100_000})
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = s.Append(t.Context(), one(newEntity(), 0, "c"))
	}
	if !errors.Is(err, eventstore.ErrFull) {
		t.Fatalf("single: %v", err)
	}
	got, _ := submit(s, 100, 1)
	got.all.Wait()
	for _, err := range got.errs {
		if !errors.Is(err, eventstore.ErrFull) {
			t.Fatalf("group: %v", err)
		}
	}
}
