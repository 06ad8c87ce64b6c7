package agent

import (
	"encoding/json"
	"fmt"
)

// Schema is the payload version that this binary writes for every agent event.
const Schema = 1

// Decoders turns a payload of the current schema into its event, by wire name.
//
//nolint:gochecknoglobals // a constant table; Go has no constant maps
var Decoders = map[string]func([]byte) (Event, error){
	"agent.registered": decode[Registered],
	"agent.updated":    decode[Updated],
	"agent.draining":   decode[Draining],
	"agent.resumed":    decode[Resumed],
	"agent.lost":       decode[Lost],
	"agent.returned":   decode[Returned],
	"agent.left":       decode[Left],
	"agent.slept":      decode[Slept],
	"agent.woken":      decode[Woken],
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
