package agent

import (
	"maps"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Register makes a new agent, or brings a known one back: with other
// properties it is updated, when it was away it returns, else nothing happens.
// A capacity of 0 means 1. It fails with an Invalid error that names the first
// field of spec that is wrong; the name cannot change, since it is reserved.
func (a Agent) Register(spec Spec) ([]Event, error) {
	if spec.Capacity == 0 {
		spec.Capacity = 1
	}
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if !a.Exists() {
		return []Event{Registered{Spec: spec}}, nil
	}
	if spec.Name != a.Spec.Name {
		return nil, domain.InvalidField("name", "the agent is registered as %q", a.Spec.Name)
	}
	var events []Event
	if !a.Spec.equal(spec) {
		events = append(events, Updated{Spec: spec})
	}
	if a.Status == StatusLost || a.Status == StatusLeft {
		events = append(events, Returned{})
	}
	return events, nil
}

// Drain stops new work for the agent; what it has, it finishes.
func (a Agent) Drain(reason string) ([]Event, error) {
	if !a.Exists() {
		return nil, ErrNotFound
	}
	if a.Draining {
		return nil, nil
	}
	return []Event{Draining{Reason: reason}}, nil
}

// Resume ends draining.
func (a Agent) Resume() ([]Event, error) {
	if !a.Exists() {
		return nil, ErrNotFound
	}
	if !a.Draining {
		return nil, nil
	}
	return []Event{Resumed{}}, nil
}

// Lose declares an agent lost that was last heard at lastSeen.
func (a Agent) Lose(lastSeen time.Time) ([]Event, error) {
	if !a.Exists() {
		return nil, ErrNotFound
	}
	if a.Status != StatusActive && a.Status != StatusDraining {
		return nil, nil
	}
	return []Event{Lost{LastSeen: lastSeen}}, nil
}

// Return brings a lost agent back after it was heard again.
func (a Agent) Return() ([]Event, error) {
	if !a.Exists() {
		return nil, ErrNotFound
	}
	if a.Status != StatusLost {
		return nil, nil
	}
	return []Event{Returned{}}, nil
}

// Leave is the agent's own goodbye. One that is asleep sleeps on.
func (a Agent) Leave() ([]Event, error) {
	if !a.Exists() {
		return nil, ErrNotFound
	}
	if a.Status == StatusLeft || a.Status == StatusAsleep {
		return nil, nil
	}
	return []Event{Left{}}, nil
}

// Sleep puts an agent to sleep that runs so many tasks. Sleeping already with
// the same checkpoint changes nothing. It fails with ErrNotFound, ErrLeft,
// ErrAsleep, and with ErrBusy when running is above 0.
func (a Agent) Sleep(c Checkpoint, reason string, running int) ([]Event, error) {
	switch {
	case !a.Exists():
		return nil, ErrNotFound
	case a.Status == StatusLeft:
		return nil, ErrLeft
	case a.Status == StatusAsleep && a.Checkpoint == c:
		return nil, nil
	case a.Status == StatusAsleep:
		return nil, ErrAsleep
	case running > 0:
		return nil, ErrBusy
	}
	return []Event{Slept{Checkpoint: c, Reason: reason}}, nil
}

// Wake ends the sleep of an agent. It fails with ErrNotFound and ErrNotAsleep.
func (a Agent) Wake() ([]Event, error) {
	if !a.Exists() {
		return nil, ErrNotFound
	}
	if a.Status != StatusAsleep {
		return nil, ErrNotAsleep
	}
	return []Event{Woken{}}, nil
}

func (s Spec) equal(o Spec) bool {
	return s.Name == o.Name && s.Capacity == o.Capacity && s.Version == o.Version &&
		slices.Equal(s.Capabilities, o.Capabilities) && slices.Equal(s.Queues, o.Queues) && maps.Equal(s.Labels, o.Labels)
}

func (s Spec) validate() error {
	if err := domain.CheckName("name", s.Name); err != nil {
		return err
	}
	if err := domain.CheckNames("capabilities", s.Capabilities, MaxCapabilities); err != nil {
		return err
	}
	if err := domain.CheckNames("queues", s.Queues, MaxQueues); err != nil {
		return err
	}
	if s.Capacity < 1 || s.Capacity > MaxCapacity {
		return domain.InvalidField("capacity", "%d is not between 1 and %d", s.Capacity, MaxCapacity)
	}
	if err := domain.CheckText("version", s.Version, MaxVersion); err != nil {
		return err
	}
	return domain.CheckLabels(s.Labels)
}
