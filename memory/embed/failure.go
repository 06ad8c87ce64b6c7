package embed

import (
	"fmt"
	"time"
)

// Code classes a failure for counting and for people.
type Code string

// The codes of failures.
const (
	Timeout     Code = "timeout"     // no answer in time
	Unreachable Code = "unreachable" // no connection, or it broke
	Limited     Code = "limited"     // 429: too many requests or tokens
	Overloaded  Code = "overloaded"  // 5xx
	Refused     Code = "refused"     // other statuses: repeating does not help
	BadAnswer   Code = "bad_answer"  // an answer that cannot be used
	BadInput    Code = "bad_input"   // the texts cannot be embedded
)

// Failure is an embedder that did not answer well. It never holds the key,
// the texts, or what the server wrote.
type Failure struct { //nolint:errname // embed.Failure reads better than embed.FailureError
	Code   Code
	Retry  bool          // whether the same call may work later
	After  time.Duration // how long the server asked to wait; 0 when it did not
	Reason string        // one sentence for people: what happened, what to check
	Status int           // the HTTP status, 0 when there was none
}

// Error returns the reason, with the status when there was one.
func (f *Failure) Error() string {
	if f.Status == 0 {
		return fmt.Sprintf("embed: %s", f.Reason)
	}
	return fmt.Sprintf("embed: status %d: %s", f.Status, f.Reason)
}
