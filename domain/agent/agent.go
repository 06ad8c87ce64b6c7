// Package agent is one worker of the fleet: what it can do, how much at once,
// and whether it may be given work.
//
//	register ─► active ⇄ draining
//	              │ ▲        │
//	         lost │ │ returned
//	              ▼ │        ▼
//	            lost       left (went away in order; returns by registering)
//
//	sleep    active, draining, lost ─► asleep    only wake ends it
//
// An agent that is asleep is given nothing and is not missed while it is
// silent. Neither a heartbeat nor registering nor leaving ends its sleep, so
// that its process may end and start anew meanwhile.
//
// Heartbeats are signals and never reach this package; their consequences
// (Lost, Returned) are events.
package agent

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Status is where an agent stands.
type Status string

// The statuses. Only an active agent is given new work.
const (
	StatusActive   Status = "active"
	StatusDraining Status = "draining" // finishes what it has
	StatusLost     Status = "lost"     // stopped giving signs of life
	StatusLeft     Status = "left"     // said goodbye
	StatusAsleep   Status = "asleep"   // put to sleep; see Checkpoint
)

// Limits of a Spec.
const (
	MaxCapabilities = 64
	MaxQueues       = 64
	MaxCapacity     = 10_000
	MaxVersion      = 128 // bytes
)

// Spec is what an agent says about itself when it registers.
type Spec struct {
	Name         string            `json:"name"` // unique in the tenant
	Capabilities []string          `json:"capabilities,omitempty"`
	Queues       []string          `json:"queues,omitempty"` // serves only these; none = every queue
	Capacity     int               `json:"capacity"`         // tasks at once
	Version      string            `json:"version,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
}

// Agent is the state of one agent, folded from its events.
type Agent struct {
	ID           string
	Spec         Spec
	Status       Status
	Draining     bool // asked to drain; outlives being lost or away
	RegisteredAt time.Time
	Checkpoint   Checkpoint // of its latest sleep; stays when it is woken
	Owner        string     // principal that registered it and answers for it; from the event's envelope
}

// Checkpoint is where an agent's state is kept while it sleeps.
type Checkpoint struct {
	Memory string `json:"memory,omitempty"` // id of the item that holds the text; empty = the agent sleeps without one
	Digest string `json:"digest,omitempty"` // "sha256:" and the digest of the text in hex
}

// Event is a fact about an agent. The set is sealed.
type Event interface {
	// Type is the event's name on the wire, such as "agent.registered".
	Type() string
	apply(a Agent, at time.Time) Agent
}

// Apply returns a after e, which happened at at.
func (a Agent) Apply(e Event, at time.Time) Agent { return e.apply(a, at) }

// Exists reports whether the agent has been registered.
func (a Agent) Exists() bool { return a.Status != "" }

// Assignable reports whether the agent may be given new work.
func (a Agent) Assignable() bool { return a.Status == StatusActive }

// The refusals of this package. ErrNotFound is about an agent that was never
// registered.
var (
	ErrNotFound  = &domain.Error{Kind: domain.NotFound, Code: "agent_not_found", Message: "no such agent"}
	ErrLeft      = &domain.Error{Kind: domain.Conflict, Code: "agent_left", Message: "the agent has left"}
	ErrAsleep    = &domain.Error{Kind: domain.Conflict, Code: "agent_asleep", Message: "the agent is asleep already, with another checkpoint: wake it first"}
	ErrNotAsleep = &domain.Error{Kind: domain.Conflict, Code: "agent_not_asleep", Message: "the agent is not asleep"}
	ErrBusy      = &domain.Error{Kind: domain.Conflict, Code: "agent_busy", Message: "the agent runs tasks: drain it first and let them finish"}
)
