package memory

import (
	"encoding/json"
	"fmt"
)

// Schema is the payload version that this binary writes for every memory event.
// Schema 2 says of a summary what it was made of: a payload of schema 1 reads as
// one of schema 2 that does not.
const Schema = 2

// Decoders turns a payload of the current schema into its event, by wire name.
//
//nolint:gochecknoglobals // a constant table; Go has no constant maps
var Decoders = map[string]func([]byte) (Event, error){
	"memory.remembered": decode[Remembered],
	"memory.embedded":   decode[Embedded],
	"memory.superseded": decode[Superseded],
	"memory.merged":     decode[Merged],
	"memory.moved":      decode[Moved],
	"memory.reinforced": decodeReinforced,
	"memory.corrected":  decode[Corrected],
	"memory.forgotten":  decode[Forgotten],
	"memory.restored":   decode[Restored],
}

// Decode returns the event of a stored payload. A type, schema or reason that
// this binary does not know is an error.
func Decode(typ string, schema int, data []byte) (Event, error) {
	dec, ok := Decoders[typ]
	if !ok {
		return nil, fmt.Errorf("decode %s: unknown event type", typ)
	}
	if schema < 1 || schema > Schema {
		return nil, fmt.Errorf("decode %s: schema %d is not known to this binary (1 to %d)", typ, schema, Schema)
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

func decodeReinforced(data []byte) (Event, error) {
	e, err := decode[Reinforced](data)
	if err != nil {
		return nil, err
	}
	if r := e.(Reinforced).Reason; !r.known() {
		return nil, fmt.Errorf("decode %s: unknown reason %q", e.Type(), r)
	}
	return e, nil
}

func (r Reason) known() bool {
	return r == ReasonRepeated || r == ReasonUsed || r == ReasonHelpful || r == ReasonUnhelpful
}
