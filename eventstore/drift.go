package eventstore

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// promise is one field of the stream's configuration that must have one value.
type promise struct {
	field string
	want  string
	got   string
}

// checkDrift returns a *DriftError for the first field that breaks a promise.
// MaxBytes is a setting and no promise. More replicas than wanted are welcome.
func checkDrift(cfg Config, found jetstream.StreamConfig) error {
	promises := append(kept(found), closed(found)...)
	if found.Replicas < cfg.Replicas {
		promises = append(promises, promise{"num_replicas", "at least " + strconv.Itoa(cfg.Replicas), strconv.Itoa(found.Replicas)})
	}
	for _, p := range promises {
		if p.want != p.got {
			return &DriftError{Stream: cfg.Stream, Field: p.field, Want: p.want, Got: p.got}
		}
	}
	if found.Metadata[metaEpoch] == "" {
		return &DriftError{Stream: cfg.Stream, Field: "metadata." + metaEpoch, Want: "a UUID", Got: "absent"}
	}
	return nil
}

// kept lists what keeps every event readable and in order.
func kept(c jetstream.StreamConfig) []promise {
	return []promise{
		{"subjects", "[" + subjectRoot + ">]", fmt.Sprint(c.Subjects)},
		{"storage", jetstream.FileStorage.String(), c.Storage.String()},
		{"retention", jetstream.LimitsPolicy.String(), c.Retention.String()},
		{"discard", jetstream.DiscardNew.String(), c.Discard.String()},
		{"discard_new_per_subject", "false", strconv.FormatBool(c.DiscardNewPerSubject)},
		{"max_age", "0s", c.MaxAge.String()},
		{"max_msgs", "unlimited", limit(c.MaxMsgs)},
		{"max_msgs_per_subject", "unlimited", limit(c.MaxMsgsPerSubject)},
		{"max_msg_size", "unlimited", limit(int64(c.MaxMsgSize))},
		{"deny_delete", "true", strconv.FormatBool(c.DenyDelete)},
		{"deny_purge", "true", strconv.FormatBool(c.DenyPurge)},
		{"allow_direct", "true", strconv.FormatBool(c.AllowDirect)},
		{"allow_atomic", "true", strconv.FormatBool(c.AllowAtomicPublish)},
		{"persist_mode", jetstream.DefaultPersistMode.String(), c.PersistMode.String()},
		{"metadata." + metaSchema, streamSchema, c.Metadata[metaSchema]},
	}
}

// closed lists what would let events vanish, change, or come from elsewhere.
func closed(c jetstream.StreamConfig) []promise {
	return []promise{
		{"mirror", "absent", present(c.Mirror != nil)},
		{"sources", "absent", present(len(c.Sources) > 0)},
		{"subject_transform", "absent", present(c.SubjectTransform != nil)},
		{"sealed", "false", strconv.FormatBool(c.Sealed)},
		{"no_ack", "false", strconv.FormatBool(c.NoAck)},
		{"allow_rollup_hdrs", "false", strconv.FormatBool(c.AllowRollup)},
		{"allow_msg_ttl", "false", strconv.FormatBool(c.AllowMsgTTL)},
		{"subject_delete_marker_ttl", time.Duration(0).String(), c.SubjectDeleteMarkerTTL.String()},
		{"allow_msg_counter", "false", strconv.FormatBool(c.AllowMsgCounter)},
		{"allow_msg_schedules", "false", strconv.FormatBool(c.AllowMsgSchedules)},
		{"allow_batched", "false", strconv.FormatBool(c.AllowBatchPublish)},
	}
}

func limit(n int64) string {
	if n <= 0 {
		return "unlimited"
	}
	return strconv.FormatInt(n, 10)
}

func present(yes bool) string {
	if yes {
		return "present"
	}
	return "absent"
}
