// Package projection is what operators ask of a read model: to retry what is
// parked, to skip an event for good, to be built anew. Each is an event, so
// that it is audited, and so that a rebuild does the same at the same place.
// The events of one read model share the entity of kind "projection" whose id
// is derived from its name.
package projection

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// MaxReason is the longest reason in bytes.
const MaxReason = 1024

// Projection is the state of one read model's operations.
type Projection struct {
	ID   string
	Last Event // the latest request; nil when there was none
	At   time.Time
}

// Event is a fact about a projection. The set is sealed.
type Event interface {
	// Type is the event's name on the wire, such as "projection.skip_requested".
	Type() string
	apply(p Projection, at time.Time) Projection
}

// Apply returns p after e, which happened at at.
func (p Projection) Apply(e Event, at time.Time) Projection { return e.apply(p, at) }

// Retry asks for the parked events of key (tenant/kind/id) to be applied again.
func (p Projection) Retry(name, key string) ([]Event, error) {
	if err := validate(name, key); err != nil {
		return nil, err
	}
	return []Event{RetryRequested{Projection: name, Key: key}}, nil
}

// Skip asks for the one parked event seq of key to be passed over for good.
func (p Projection) Skip(name, key string, seq uint64, reason string) ([]Event, error) {
	if err := validate(name, key); err != nil {
		return nil, err
	}
	switch {
	case seq == 0:
		return nil, domain.InvalidField("seq", "the sequence of a parked event is needed")
	case reason == "":
		return nil, domain.InvalidField("reason", "a reason is needed to skip an event")
	case len(reason) > MaxReason:
		return nil, domain.InvalidField("reason", "longer than %d bytes", MaxReason)
	}
	return []Event{SkipRequested{Projection: name, Key: key, Seq: seq, Reason: reason}}, nil
}

// Rebuild asks for a new generation filled from the log.
func (p Projection) Rebuild(name string) ([]Event, error) {
	if !domain.ValidName(name) {
		return nil, domain.InvalidField("projection", "%q is not a name", name)
	}
	return []Event{RebuildRequested{Projection: name}}, nil
}

func validate(name, key string) error {
	if !domain.ValidName(name) {
		return domain.InvalidField("projection", "%q is not a name", name)
	}
	if key == "" {
		return domain.InvalidField("key", "the key of a parked entity is needed, such as default/task/<id>")
	}
	return nil
}
