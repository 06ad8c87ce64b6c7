package agent

import "time"

// Registered is the first event of an agent.
type Registered struct{ Spec }

// Updated says that the agent registered again with other properties.
type Updated struct{ Spec }

// Draining says that the agent gets no new work.
type Draining struct {
	Reason string `json:"reason,omitempty"`
}

// Resumed ends draining.
type Resumed struct{}

// Lost says that the agent gave no sign of life for a whole window.
type Lost struct {
	LastSeen time.Time `json:"last_seen,omitzero"`
}

// Returned says that a lost or departed agent is there again.
type Returned struct{}

// Left says that the agent went away in order.
type Left struct{}

// Slept says that the agent was put to sleep. It takes the place of draining.
type Slept struct {
	Checkpoint

	Reason string `json:"reason,omitempty"`
}

// Woken ends the sleep.
type Woken struct{}

// The wire names.

func (Registered) Type() string { return "agent.registered" }
func (Updated) Type() string    { return "agent.updated" }
func (Draining) Type() string   { return "agent.draining" }
func (Resumed) Type() string    { return "agent.resumed" }
func (Lost) Type() string       { return "agent.lost" }
func (Returned) Type() string   { return "agent.returned" }
func (Left) Type() string       { return "agent.left" }
func (Slept) Type() string      { return "agent.slept" }
func (Woken) Type() string      { return "agent.woken" }

func (e Registered) apply(a Agent, at time.Time) Agent {
	a.Spec, a.Status, a.RegisteredAt = e.Spec, StatusActive, at
	return a
}

func (e Updated) apply(a Agent, _ time.Time) Agent {
	a.Spec = e.Spec
	return a
}

func (e Draining) apply(a Agent, _ time.Time) Agent {
	a.Draining = true
	if a.Status == StatusActive {
		a.Status = StatusDraining
	}
	return a
}

func (e Resumed) apply(a Agent, _ time.Time) Agent {
	a.Draining = false
	if a.Status == StatusDraining {
		a.Status = StatusActive
	}
	return a
}

func (e Lost) apply(a Agent, _ time.Time) Agent {
	a.Status = StatusLost
	return a
}

func (e Returned) apply(a Agent, _ time.Time) Agent {
	a.Status = StatusActive
	if a.Draining {
		a.Status = StatusDraining
	}
	return a
}

func (e Left) apply(a Agent, _ time.Time) Agent {
	a.Status = StatusLeft
	return a
}

func (e Slept) apply(a Agent, _ time.Time) Agent {
	a.Status, a.Draining, a.Checkpoint = StatusAsleep, false, e.Checkpoint
	return a
}

func (Woken) apply(a Agent, _ time.Time) Agent {
	a.Status = StatusActive
	if a.Draining {
		a.Status = StatusDraining
	}
	return a
}
