// Package name is the reservation of a unique name: an entity of its own,
// whose id is derived from the name, so that two takers meet in one append.
//
//	released (or never seen) ─ hold ─► held ─ release ─► released
package name

import (
	"encoding/json"
	"fmt"

	"github.com/hivemesh/hivemesh/domain"
)

// Name is the state of one reservation. The name itself is nowhere in it.
type Name struct {
	Owner string // id of the entity that holds the name; empty when it is free
}

// Event is a fact about a reservation. The set is sealed.
type Event interface {
	// Type is the event's name on the wire, such as "name.held".
	Type() string
	apply(n Name) Name
}

// Held says that the name belongs to Owner from now on.
type Held struct {
	Owner string `json:"owner"`
}

// Released says that the name is free again.
type Released struct{}

func (Held) Type() string     { return "name.held" }
func (Released) Type() string { return "name.released" }

func (e Held) apply(n Name) Name {
	n.Owner = e.Owner
	return n
}

func (e Released) apply(n Name) Name {
	n.Owner = ""
	return n
}

// Schema is the payload version that this binary writes.
const Schema = 1

// ErrTaken refuses a name that somebody else holds.
var ErrTaken = &domain.Error{Kind: domain.Conflict, Code: "name_taken", Field: "name", Message: "the name is taken"}

// Apply returns n after e.
func (n Name) Apply(e Event) Name { return e.apply(n) }

// Hold reserves the name for owner, the id of an entity. Holding it again
// changes nothing; a name that another owner holds is refused with ErrTaken.
func (n Name) Hold(owner string) ([]Event, error) {
	switch n.Owner {
	case "":
		return []Event{Held{Owner: owner}}, nil
	case owner:
		return nil, nil
	default:
		return nil, ErrTaken
	}
}

// Release frees the name that owner holds. A free name stays free; one that
// another owner holds is refused with ErrTaken.
func (n Name) Release(owner string) ([]Event, error) {
	switch n.Owner {
	case "":
		return nil, nil
	case owner:
		return []Event{Released{}}, nil
	default:
		return nil, ErrTaken
	}
}

// Decoders turns a payload into its event, by wire name.
//
//nolint:gochecknoglobals // a constant table; Go has no constant maps
var Decoders = map[string]func([]byte) (Event, error){
	"name.held":     decode[Held],
	"name.released": decode[Released],
}

// Decode returns the event of a stored payload. A type or schema that this
// binary does not know is an error.
func Decode(typ string, schema int, data []byte) (Event, error) {
	dec, ok := Decoders[typ]
	if !ok {
		return nil, fmt.Errorf("decode %s: unknown event type", typ)
	}
	if schema != Schema {
		return nil, fmt.Errorf("decode %s: schema %d is not known to this binary (%d)", typ, schema, Schema)
	}
	return dec(data)
}

func decode[E Event](data []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode %s: %w", e.Type(), err)
	}
	return e, nil
}
