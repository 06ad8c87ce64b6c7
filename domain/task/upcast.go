package task

import (
	"encoding/json"
	"fmt"
)

// upcast brings a payload from the schema it was written in to Schema, one
// step at a time. Each step is a pure function; a type that a step does not
// touch passes through.
func upcast(typ string, schema int, data []byte) ([]byte, error) {
	if schema < 1 || schema > Schema {
		return nil, fmt.Errorf("decode %s: schema %d is not known to this binary (1 to %d)", typ, schema, Schema)
	}
	if schema == 1 && typ == "task.submitted" {
		return submitted1to2(data)
	}
	return data, nil
}

// submitted1to2: schema 1 had one required capability, empty for none; schema 2
// has a list.
func submitted1to2(data []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("upcast task.submitted from schema 1: %w", err)
	}
	one := string(fields["capability"])
	delete(fields, "capability")
	if one != "" && one != `""` && one != "null" {
		fields["capabilities"] = json.RawMessage("[" + one + "]")
	}
	return json.Marshal(fields)
}
