package client

import (
	"encoding/json"
	"time"
)

// RegisterRequest is what an agent says about itself.
type RegisterRequest struct {
	Name         string            `json:"name"`
	Capabilities []string          `json:"capabilities,omitempty"`
	Queues       []string          `json:"queues,omitempty" doc:"serves only these; none = every queue"`
	Capacity     int               `json:"capacity,omitempty" doc:"tasks at once, default 1"`
	Version      string            `json:"version,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
}

// Registration answers RegisterRequest: who the agent is, and where it
// listens when it speaks NATS.
type Registration struct {
	Receipt
	Tenant      string    `json:"tenant"`
	Principal   string    `json:"principal" doc:"who registered it, and sends its requests"`
	HeartbeatMS int64     `json:"heartbeat_ms"`
	NATS        *NATSInfo `json:"nats,omitempty"`
}

// NATSInfo is how an agent reaches the mesh over NATS.
type NATSInfo struct {
	URLs     []string `json:"urls"`
	User     string   `json:"user,omitempty"`
	Password string   `json:"password,omitempty"`
}

// Assignment is a task given to an agent.
type Assignment struct {
	Task         string            `json:"task"`
	Attempt      int               `json:"attempt"`
	Term         uint64            `json:"term" doc:"the leader's term; refuse an older one"`
	Queue        string            `json:"queue"`
	Capabilities []string          `json:"capabilities,omitempty"`
	LeaseMS      int64             `json:"lease_ms"`
	Deadline     *time.Time        `json:"deadline,omitempty"`
	SubmittedAt  time.Time         `json:"submitted_at"`
	Labels       map[string]string `json:"labels,omitempty"`
	Input        *Payload          `json:"input,omitempty"`
	Memory       *Pack             `json:"memory,omitempty" doc:"what is worth knowing, when the task asks for it"`
	MemoryError  string            `json:"memory_error,omitempty" doc:"why there is none, though the task asks for it"`
}

// Inbox is one message to an agent: work, or the order to stop some.
type Inbox struct {
	Assign *Assignment `json:"assign,omitempty"`
	Revoke *Revocation `json:"revoke,omitempty"`
}

// Revocation tells an agent that an attempt is over: cancelled, expired or
// past its deadline. The agent stops the work; a result would be refused.
type Revocation struct {
	Task    string `json:"task"`
	Attempt int    `json:"attempt"`
	Reason  string `json:"reason"`
}

// Held names an attempt that an agent is working on.
type Held struct {
	Task    string `json:"task"`
	Attempt int    `json:"attempt"`
}

// Heartbeat is an agent's sign of life, every HeartbeatMS. It travels on core
// NATS or by HTTP and is never stored.
type Heartbeat struct {
	Agent string `json:"agent" required:"false" doc:"over HTTP it is in the path"`
	Held  []Held `json:"held,omitempty" maxItems:"10000"`
}

// AttemptReport is what an agent says about an attempt: started, progress,
// completed, failed or returned use the fields that they need.
type AttemptReport struct {
	Task      string          `json:"task" required:"false" doc:"over HTTP it is in the path"`
	Attempt   int             `json:"attempt"`
	Agent     string          `json:"agent"`
	Command   string          `json:"command,omitempty" doc:"id of this command; a retry carries the same"`
	StartedAt *time.Time      `json:"started_at,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Log       string          `json:"log,omitempty"`
	Error     string          `json:"error,omitempty"`
	Permanent bool            `json:"permanent,omitempty" doc:"failed: trying again is no use"`
	Percent   int             `json:"percent,omitempty"`
	Message   string          `json:"message,omitempty"`
	Reason    string          `json:"reason,omitempty"`
}
