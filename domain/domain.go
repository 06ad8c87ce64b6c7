// Package domain holds what every aggregate shares: who acts (Actor), how a
// refusal is told (Error), and how a reference to a large payload looks
// (Artifact). It and its sub-packages import the standard library only and do
// no I/O: state is a value, a decision is a pure function from state and
// arguments to events.
package domain

import (
	"encoding/json"
	"regexp"
	"time"
)

// ActorKind says what sort of principal acts.
type ActorKind string

// The kinds of principals.
const (
	Admin  ActorKind = "admin"  // the credential made at first start
	Agent  ActorKind = "agent"  // a registered agent
	System ActorKind = "system" // the mesh's own workers
)

// Actor is the principal on whose behalf a command runs. ID is opaque: it is
// written into every event, so it must never be a name or an address.
type Actor struct {
	Tenant string
	ID     string
	Kind   ActorKind
}

// Artifact refers to a payload kept in the object store, outside the event.
type Artifact struct {
	Digest    string `json:"digest"`     // "sha256:" and 64 hex digits
	Size      int64  `json:"size"`       // bytes
	MediaType string `json:"media_type"` // RFC 6838
}

// Payload is JSON carried by an event: inline, or by reference when it is
// larger than an event may be. At most one of the two is set.
type Payload struct {
	Inline   json.RawMessage `json:"inline,omitempty"`
	Artifact *Artifact       `json:"artifact,omitempty"`
}

// IsZero reports whether there is no payload at all.
func (p Payload) IsZero() bool { return len(p.Inline) == 0 && p.Artifact == nil }

// DefaultTenant is the tenant of a mesh that has not been divided.
const DefaultTenant = "default"

var (
	tenantPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	labelPattern  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/:-]{0,62}$`)
)

// ValidTenant reports whether s can name a tenant: it becomes one token of a
// subject, so it is lower-case letters, digits and dashes, 63 at most.
func ValidTenant(s string) bool { return tenantPattern.MatchString(s) }

// ValidName reports whether s can name a queue, a capability, a label key or
// an agent: letters, digits and . _ / : - inside, 63 characters at most.
func ValidName(s string) bool { return labelPattern.MatchString(s) }

// Millis is a duration that travels as whole milliseconds.
type Millis int64

// Duration returns m as a time.Duration.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }
