// Package drill is one trial of a restore: an archive was restored in a
// scratch place, a mesh was started on it, and it was measured how long that
// took; or it was found that a restore would fail, and why. A drill is an
// entity of its own with one event.
package drill

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// EntityKind is the kind of a drill, as it stands in subjects.
const EntityKind = "drill"

// Schema is the payload version that this binary writes for every event.
const Schema = 1

// MaxReason is the longest reason, in bytes.
const MaxReason = 4096

// Event is a fact about a drill. The set is sealed.
type Event interface {
	// Type is the event's name on the wire.
	Type() string
	drill()
}

// Passed says that the restored mesh answered everything.
type Passed struct {
	Log          string    `json:"log"`     // that was restored
	Events       uint64    `json:"events"`  // that were restored
	Last         uint64    `json:"last"`    // sequence of the last of them
	LastAt       time.Time `json:"last_at"` // when that was stored
	LossSeconds  float64   `json:"loss_seconds"`
	AllSeconds   float64   `json:"all_seconds"`   // from the archive to the last read model: the RTO
	ServeSeconds float64   `json:"serve_seconds"` // of these, until commands were taken
	Verified     int       `json:"verified"`      // read models that were built twice and compared
}

// Failed says that a restore would fail.
type Failed struct {
	Reason string `json:"reason"`
}

// The wire names.

func (Passed) Type() string { return "drill.passed" }
func (Failed) Type() string { return "drill.failed" }

func (Passed) drill() {}
func (Failed) drill() {}

// End decides on the event of a drill that has ended. A reason that is too long
// is cut. It fails with an Invalid error when a figure cannot be.
func End(e Event) ([]Event, error) {
	switch e := e.(type) {
	case Passed:
		if e.Log == "" || !(e.LossSeconds >= 0) || !(e.AllSeconds >= e.ServeSeconds) || !(e.ServeSeconds >= 0) || e.Verified < 0 { // false for NaN
			return nil, domain.InvalidField("drill", "%+v cannot be the outcome of a drill", e)
		}
		return []Event{e}, nil
	case Failed:
		e.Reason = strings.ToValidUTF8(strings.ReplaceAll(e.Reason[:min(len(e.Reason), MaxReason)], "\x00", ""), "")
		return []Event{e}, nil
	}
	return nil, domain.InvalidField("drill", "has no outcome")
}

// Decoders turns a payload of the current schema into its event, by wire name.
//
//nolint:gochecknoglobals // a constant table; Go has no constant maps
var Decoders = map[string]func([]byte) (Event, error){
	"drill.passed": decode[Passed],
	"drill.failed": decode[Failed],
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
