package task

import (
	"encoding/json"
	"fmt"
)

// Schema is the payload version that this binary writes for every task event.
const Schema = 2

// Decoders turns a payload of the current schema into its event, by wire name.
//
//nolint:gochecknoglobals // a constant table; Go has no constant maps
var Decoders = map[string]func([]byte) (Event, error){
	"task.submitted":           decode[Submitted],
	"task.assigned":            decode[Assigned],
	"task.started":             decode[Started],
	"task.progressed":          decode[Progressed],
	"task.completed":           decode[Completed],
	"task.attempt_failed":      decodeEnding[AttemptFailed],
	"task.lease_expired":       decodeEnding[LeaseExpired],
	"task.assignment_returned": decode[AssignmentReturned],
	"task.deadline_exceeded":   decode[DeadlineExceeded],
	"task.cancelled":           decode[Cancelled],
	"task.requeued":            decode[Requeued],
}

// Decode returns the event of a stored payload, bringing older schemas up to
// date. A type, schema or outcome that this binary does not know is an error:
// folding on without it would be guessing.
func Decode(typ string, schema int, data []byte) (Event, error) {
	dec, ok := Decoders[typ]
	if !ok {
		return nil, fmt.Errorf("decode %s: unknown event type", typ)
	}
	data, err := upcast(typ, schema, data)
	if err != nil {
		return nil, err
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

// decodeEnding decodes an event that says what follows an attempt.
func decodeEnding[E interface {
	Event
	outcome() Outcome
}](data []byte) (Event, error) {
	e, err := decode[E](data)
	if err != nil {
		return nil, err
	}
	switch o := e.(E).outcome(); o {
	case OutcomeRetry, OutcomeFail, OutcomeDeadLetter:
		return e, nil
	default:
		return nil, fmt.Errorf("decode %s: unknown outcome %q", e.Type(), o)
	}
}
