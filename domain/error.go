package domain

import (
	"errors"
	"fmt"
	"time"
)

// Kind classes an error by what the caller can do about it. The transport
// layers map it, in one place each, to an HTTP status, an exit code, a retry.
type Kind uint8

// The kinds of errors.
const (
	Internal        Kind = iota // a defect or an unforeseen failure
	Invalid                     // the request is wrong; Field says where
	Unauthenticated             // no valid credential
	Denied                      // the principal may not do this
	NotFound                    // no such thing, or not for this principal
	Conflict                    // the thing's state does not allow this
	TooLarge                    // over a size limit
	Unavailable                 // a part is down; the same request may work later
	Limited                     // too many requests; RetryAfter says how long to wait
)

// String returns the kind's name as it is sent to clients.
func (k Kind) String() string {
	names := [...]string{"internal", "invalid", "unauthenticated", "denied", "not_found", "conflict", "too_large", "unavailable", "limited"}
	if int(k) < len(names) {
		return names[k]
	}
	return "internal"
}

// Error is the one error that crosses package boundaries on purpose. Message
// is safe to show to the caller; Err, the cause, is for logs only.
type Error struct {
	Kind    Kind
	Code    string // stable and machine-readable, such as "task_finished"
	Field   string // the input field that is wrong, if one is
	Message string
	Err     error
	// RetryAfter is when a Limited request may be sent again.
	RetryAfter time.Duration
}

// Error returns the safe message with its field, without the cause.
func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches a sentinel by its code, so that a sentinel with a message made
// for one occasion is still that sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code != "" && t.Code == e.Code
}

// Sayf returns a copy of the sentinel e that says what happened this time.
func (e *Error) Sayf(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// InvalidField returns an Invalid error about one input field.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: "invalid_field", Field: field, Message: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of the first Error in err's chain, else Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
