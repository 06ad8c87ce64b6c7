package eventstore

import (
	"errors"
	"fmt"
)

// Sentinels that the errors of this package match by errors.Is.
var (
	// ErrUnavailable means that the log cannot be reached or does not take
	// writes now. Nothing was written; the same call may work later.
	ErrUnavailable = errors.New("event log unavailable")
	// ErrUnknownOutcome means that a decision was sent and that it could not be
	// found out in time whether it was stored. A retry with the same command id
	// is safe. It also matches ErrUnavailable.
	ErrUnknownOutcome = fmt.Errorf("outcome unknown: %w", ErrUnavailable)
	// ErrFull means that the log has no room left: a full disk or MaxBytes.
	ErrFull = errors.New("event log full")
	// ErrTooLarge means that an event, its envelope, or a decision is over a
	// limit: see Append.
	ErrTooLarge = errors.New("decision too large")
	// ErrNotFound means that there is no such event or artifact.
	ErrNotFound = errors.New("not found in the event log")
	// ErrInvalid means that a decision, an entity or a digest is malformed:
	// the caller has a defect.
	ErrInvalid = errors.New("invalid")
	// ErrUnfinishedRestore means that the log is half restored: the restore is
	// to be run again.
	ErrUnfinishedRestore = errors.New("a restore of the event log was cut off: run it again")
	// ErrLogExists means that there is a log where one should be restored.
	ErrLogExists = errors.New("there is an event log already")
)

// ConflictError says that an entity has moved on: the decision was made on an
// older event than its last. Nothing was written.
type ConflictError struct {
	Entity   Entity
	Expected uint64 // sequence that the decision was made on
	Actual   uint64 // sequence found; it may have grown since
}

// Error names the entity and both sequences.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("conflict on %s: decided at %d, now at %d", e.Entity, e.Expected, e.Actual)
}

// DriftError says that a stream's configuration breaks a promise.
type DriftError struct {
	Stream string
	Field  string // as in the server's stream configuration, such as "deny_delete"
	Want   string
	Got    string
}

// Error names the stream, the field and both values.
func (e *DriftError) Error() string {
	return fmt.Sprintf("stream %s: %s is %s, must be %s", e.Stream, e.Field, e.Got, e.Want)
}

// PositionError says that a position does not belong to this log.
type PositionError struct {
	Position string
	Epoch    string // of this log
	Reason   string
}

// Error quotes the position and gives the reason.
func (e *PositionError) Error() string {
	return fmt.Sprintf("position %q: %s", e.Position, e.Reason)
}

// ReadOnlyError says that this binary cannot fold an event of the entity, most
// often because a newer binary wrote it. The entity cannot be changed by this
// binary. It matches ErrUnavailable.
type ReadOnlyError struct {
	Entity Entity
	Seq    uint64
	Type   string
	Err    error
}

// Error names the entity and the event.
func (e *ReadOnlyError) Error() string {
	return fmt.Sprintf("%s is read-only for this binary: event %d of type %q: %v", e.Entity, e.Seq, e.Type, e.Err)
}

// Unwrap returns ErrUnavailable and the cause.
func (e *ReadOnlyError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }
