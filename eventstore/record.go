package eventstore

import (
	"encoding/json"
	"time"
)

// Entity names one consistency boundary; its events share one literal subject.
type Entity struct {
	Tenant string
	Kind   string // "task", "agent", "name", "ext", "projection"
	ID     string // a UUID
}

// Command is who wants a change, and why: the envelope facts that all events
// of one decision share. Empty fields are left out of the envelope.
type Command struct {
	ID          string // identifies the request; a retry carries the same
	Actor       string // opaque principal id
	For         string // principal that the actor acts for, if it does
	Correlation string
	Causation   string // id of the event that caused the command
	TraceParent string // W3C Trace Context
	Source      string // CloudEvents source; "/mesh" when empty
	Time        time.Time
}

// NewEvent is an event that has been decided and not yet appended. ID is
// normally empty and made by the store.
type NewEvent struct {
	ID     string
	Type   string
	Schema int
	Data   []byte // JSON
}

// Write is the part of a decision that concerns one entity. Expect is the
// sequence of the entity's last event that the decision was made on; 0 means
// that the entity must not have any.
type Write struct {
	Entity Entity
	Expect uint64
	Events []NewEvent
}

// Decision is appended whole or not at all.
type Decision struct {
	Command Command
	Writes  []Write
}

// Receipt says where a decision stands in the log. Sequences are ascending
// and not necessarily adjacent to those of earlier decisions.
type Receipt struct {
	Records []Record // in the order of the decision's writes and events
	Repeat  bool     // the same command had been appended before; Records are those
}

// Last returns the sequence of the decision's last event; 0 for no events.
func (r Receipt) Last() uint64 {
	if len(r.Records) == 0 {
		return 0
	}
	return r.Records[len(r.Records)-1].Seq
}

// Record is an event as it stands in the log.
type Record struct {
	Seq         uint64
	Entity      Entity
	ID          string // UUIDv7
	Type        string
	Schema      int
	Time        time.Time
	Source      string
	Actor       string
	For         string
	Command     string
	Correlation string
	Causation   string
	TraceParent string
	Index       int // this is event Index of Count of its decision; 1 of 1 for most
	Count       int
	Key         string // data key of encrypted fields; reserved
	Data        json.RawMessage
	Stored      *Stored // only from a Tail that was asked for it
}

// EndsDecision reports whether a reader may cut after this record.
func (r Record) EndsDecision() bool { return r.Index >= r.Count }
