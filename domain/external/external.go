// Package external is a fact that a producer outside the mesh publishes. It is
// appended once and never changes: its entity is the producer's source and id,
// so publishing it again meets the first one.
package external

import (
	"slices"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Schema is the payload version that this binary writes.
const Schema = 1

// Limits of a Fact, in bytes.
const (
	MaxID   = 256 // of id, source and subject
	MaxType = 128 // of type and datacontenttype
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
// source and typ travel in headers, the rest in the payload.
func (f Fact) Validate(typ string) error {
	if f.ID == "" {
		return domain.InvalidField("id", "is required")
	}
	if err := domain.CheckText("id", f.ID, MaxID); err != nil {
		return err
	}
	if err := checkHeader("source", f.Source, MaxID); err != nil {
		return err
	}
	if err := checkHeader("type", typ, MaxType); err != nil {
		return err
	}
	if own, _, dotted := strings.Cut(typ, "."); dotted && slices.Contains(ownTypes(), own) {
		return domain.InvalidField("type", "%s… is the mesh's own; name it after the producer, such as com.example.%s", own+".", typ)
	}
	if err := domain.CheckText("subject", f.Subject, MaxID); err != nil {
		return err
	}
	if err := domain.CheckText("datacontenttype", f.DataContentType, MaxType); err != nil {
		return err
	}
	return domain.CheckTime("time", f.Time)
}

// ownTypes are the first words of the mesh's own event types, those to come included.
func ownTypes() []string {
	return []string{"task", "agent", "name", "projection", "identity", "memory", "log", "workflow", "mesh"}
}

// checkHeader refuses what would not come out of a header as it went in.
func checkHeader(field, s string, most int) error {
	switch {
	case s == "":
		return domain.InvalidField(field, "is required")
	case len(s) > most:
		return domain.InvalidField(field, "is longer than %d bytes", most)
	case strings.TrimSpace(s) != s:
		return domain.InvalidField(field, "begins or ends with a space")
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			return domain.InvalidField(field, "holds %q; only printable ASCII is allowed", r)
		}
	}
	return nil
}
