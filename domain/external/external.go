// Package external is a fact that a producer outside the mesh publishes. It is
// appended once and never changes: its entity is the producer's source and id,
// so publishing it again meets the first one.
package external

import (
	"time"
	"unicode/utf8"

	"github.com/hivemesh/hivemesh/domain"
)

// Schema is the payload version that this binary writes.
const Schema = 1

// Limits of a Fact, in bytes.
const (
	MaxID   = 256
	MaxType = 128
)

// Fact is a CloudEvent (1.0) as it is stored. Its type is the event's type.
type Fact struct {
	ID              string         `json:"id"`
	Source          string         `json:"source"`
	Subject         string         `json:"subject,omitempty"`
	Time            time.Time      `json:"time,omitzero"`
	DataContentType string         `json:"datacontenttype,omitempty"`
	Data            domain.Payload `json:"data,omitzero"`
}

// ErrIDReused refuses a second fact under the id of another.
var ErrIDReused = &domain.Error{Kind: domain.Conflict, Code: "id_reused", Field: "id", Message: "the source has published another event under this id"}

// Validate returns an Invalid error that names the first field that is wrong.
func (f Fact) Validate(typ string) error {
	if err := text("id", f.ID, 1, MaxID); err != nil {
		return err
	}
	if err := text("source", f.Source, 1, MaxID); err != nil {
		return err
	}
	if err := text("type", typ, 1, MaxType); err != nil {
		return err
	}
	return text("subject", f.Subject, 0, MaxID)
}

// text checks what travels in a header: printable, and bounded.
func text(field, s string, least, most int) error {
	if len(s) < least {
		return domain.InvalidField(field, "is required")
	}
	if len(s) > most {
		return domain.InvalidField(field, "is longer than %d bytes", most)
	}
	if !utf8.ValidString(s) {
		return domain.InvalidField(field, "is not valid UTF-8")
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return domain.InvalidField(field, "holds the control character %q", r)
		}
	}
	return nil
}
