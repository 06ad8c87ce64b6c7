package workers

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Config is what a Coordinator is made of. Fields with a default may be left
// out; every other is required.
type Config struct {
	Store     *eventstore.Store
	Commands  *commands.Service
	Leases    jetstream.KeyValue // made by CreateLeases
	Node      string             // this node's name, shown to people
	Heartbeat time.Duration      // how often agents give a sign of life; default 5 s
	Now       func() time.Time   // default time.Now
	Log       zerolog.Logger

	ArtifactAge   time.Duration // artifacts that no event names are kept for that long; default 24 h
	ArtifactSweep time.Duration // how often they are looked for; default 1 h

	// Send brings a message to the agent's inbox, or loses it. It must not
	// block and may be called from several goroutines.
	Send func(tenant, agent string, m Message)

	// SendBriefed is Send for an assignment whose task asks for memory, which
	// it adds. It may take seconds, and is called beside the loop; nil = Send.
	SendBriefed func(ctx context.Context, tenant, agent string, a Assignment)
}

// Message is what the mesh tells an agent. Exactly one field is set.
type Message struct {
	Assign *Assignment
	Revoke *Revocation
}

// Assignment gives an agent an attempt at a task.
type Assignment struct {
	Task        string
	Attempt     int
	Term        uint64    // of the leader that says so; an agent refuses an older one than it has seen
	Spec        task.Spec // with its input
	SubmittedAt time.Time
}

// Revocation tells an agent that an attempt is over and its work is to stop.
type Revocation struct {
	Task    string
	Attempt int
	Reason  string
}

// Held names an attempt that an agent says it is working on.
type Held struct {
	Task    string
	Attempt int
}

// Why says why a task stands where it stands, for people.
type Why struct {
	Status  task.Status
	Summary string   // one plain sentence
	Details []string // more of them, or none
}

// Health is how the coordinator of this node does.
type Health struct {
	CaughtUp   bool   // the log as it was at the start has been folded
	Leader     bool   // this node acts
	Term       uint64 // of the leader last seen, here or elsewhere; 0 = none yet
	LeaderNode string // its node; empty = none now
	FoldedSeq  uint64 // sequence of the last event folded

	Tasks    int // not final
	Waiting  int // ready to be assigned
	Held     int // assigned or running
	InFlight int // effects on their way to the log
	Agents   int // active or draining
	ReadOnly int // tasks and agents with an event that this binary does not know; it does not act on them

	Counters
}

// Counters count since the start of this node.
type Counters struct {
	Assigned   uint64 // assignments appended by this node
	Expired    uint64 // leases
	Deadlines  uint64 // tasks that were not done in time
	Lost       uint64 // agents declared lost
	Returned   uint64 // lost agents heard again
	Hints      uint64 // assignments told to agents, first time
	Rehints    uint64 // and told again
	Revoked    uint64 // revocations sent
	Late       uint64 // attempts named in a heartbeat that were not current any more
	Conflicts  uint64 // effects that came second
	Unknown    uint64 // effects whose outcome could not be told at once
	Failed     uint64 // effects refused for another reason
	LostBeats  uint64 // heartbeats dropped because too many agents gave one at a time
	Takeovers  uint64 // times this node began to lead
	Collected  uint64 // artifacts removed because no event names them
	LoopStalls uint64 // times the coordinator itself was late by more than a heartbeat
}
