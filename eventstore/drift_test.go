package eventstore

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestCheckDrift changes one field at a time, also in ways that the server
// would not allow alone.
func TestCheckDrift(t *testing.T) {
	t.Parallel()
	cfg := Config{Stream: "EVENTS", Replicas: 3}
	if err := checkDrift(cfg, cfg.wanted("e")); err != nil {
		t.Fatalf("as wanted: %v", err)
	}
	for field, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":                  func(c *jetstream.StreamConfig) { c.Subjects = nil },
		"storage":                   func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention":                 func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"discard":                   func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"discard_new_per_subject":   func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = true },
		"max_age":                   func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs":                  func(c *jetstream.StreamConfig) { c.MaxMsgs = 1 },
		"max_msgs_per_subject":      func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"max_msg_size":              func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1 },
		"deny_delete":               func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"deny_purge":                func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"allow_direct":              func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"allow_atomic":              func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"persist_mode":              func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"metadata.mesh_schema":      func(c *jetstream.StreamConfig) { c.Metadata[metaSchema] = "2" },
		"metadata.mesh_epoch":       func(c *jetstream.StreamConfig) { delete(c.Metadata, metaEpoch) },
		"mirror":                    func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{} },
		"sources":                   func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{}} },
		"subject_transform":         func(c *jetstream.StreamConfig) { c.SubjectTransform = &jetstream.SubjectTransformConfig{} },
		"sealed":                    func(c *jetstream.StreamConfig) { c.Sealed = true },
		"no_ack":                    func(c *jetstream.StreamConfig) { c.NoAck = true },
		"allow_rollup_hdrs":         func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"allow_msg_ttl":             func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"subject_delete_marker_ttl": func(c *jetstream.StreamConfig) { c.SubjectDeleteMarkerTTL = time.Second },
		"allow_msg_counter":         func(c *jetstream.StreamConfig) { c.AllowMsgCounter = true },
		"allow_msg_schedules":       func(c *jetstream.StreamConfig) { c.AllowMsgSchedules = true },
		"allow_batched":             func(c *jetstream.StreamConfig) { c.AllowBatchPublish = true },
		"num_replicas":              func(c *jetstream.StreamConfig) { c.Replicas = 1 },
	} {
		found := cfg.wanted("e")
		change(&found)
		var drift *DriftError
		if err := checkDrift(cfg, found); !errors.As(err, &drift) || drift.Field != field || drift.Want == drift.Got {
			t.Errorf("%s: %v", field, err)
		}
	}
}
