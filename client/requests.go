package client

import "time"

// SubmitBatch asks for several tasks at once. Each is accepted or refused on
// its own.
type SubmitBatch struct {
	Tasks []SubmitRequest `json:"tasks" minItems:"1" maxItems:"1000"`
}

// BatchResult answers a batch: one result an item, in the order of the items.
type BatchResult struct {
	Results []ItemResult `json:"results"`
}

// TaskRequest names a task in a command about it. Over HTTP the id is in the
// path and may be left out here.
type TaskRequest struct {
	ID       string     `json:"id,omitempty" doc:"task id or a prefix of it of at least 4 characters"`
	Reason   string     `json:"reason,omitempty" maxLength:"1024"`
	Deadline *time.Time `json:"deadline,omitempty" doc:"requeue: the new deadline; none = no deadline"`
}

// AgentRequest names an agent in a command about it. Over HTTP the id is in
// the path and may be left out here.
type AgentRequest struct {
	ID     string `json:"id,omitempty" doc:"agent id or a prefix of it of at least 4 characters"`
	Reason string `json:"reason,omitempty" maxLength:"1024"`
}

// ParkedRequest names parked events of a projection: retry takes all of Key,
// skip the one at Seq.
type ParkedRequest struct {
	Key    string `json:"key"`
	Seq    uint64 `json:"seq,omitempty"`
	Reason string `json:"reason,omitempty" maxLength:"1024"`
}

// ArtifactRequest names an artifact by its digest, "sha256:" and 64 hex digits.
type ArtifactRequest struct {
	Digest string `json:"digest"`
}

// Messages are what waits for an agent: assignments that it does not hold
// yet, and revocations of attempts that it holds in vain.
type Messages struct {
	Messages []Inbox `json:"messages"`
}
