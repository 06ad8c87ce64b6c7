// Package domain holds what every aggregate shares: who acts (Actor), how a
// refusal is told (Error), what a name or label may be (the Check functions),
// and how a reference to a large payload looks (Artifact). It and its
// sub-packages import the standard library only and do no I/O: state is a
// value, a decision is a pure function from state and arguments to events.
package domain

import (
	"encoding/json"
	"net/netip"
	"time"
)

// ActorKind says what sort of principal acts.
type ActorKind string

// The kinds of principals.
const (
	Human   ActorKind = "human"   // a person
	Agent   ActorKind = "agent"   // a program of the fleet, with a key of its own
	Service ActorKind = "service" // another program, with an API key
	System  ActorKind = "system"  // the mesh's own workers
)

// Actor is the principal on whose behalf a command runs. ID is opaque: it is
// written into every event, so it must never be a name or an address.
type Actor struct {
	Tenant  string // acted in
	ID      string
	Kind    ActorKind
	Home    string     // the principal's own tenant, when it is another one
	For     string     // person that an agent acts for, within the rights of both
	Scopes  []string   // permissions that its credential is limited to; none = not limited
	Token   string     // id of the credential or token, for policies and the log
	Address netip.Addr // that it acts from, for policies; not valid when unknown
	// Expires is when the credential ends, zero for never: what is held open
	// ends with it.
	Expires time.Time
}

// HomeTenant returns the principal's own tenant.
func (a Actor) HomeTenant() string {
	if a.Home != "" {
		return a.Home
	}
	return a.Tenant
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

// Millis is a duration that travels as whole milliseconds.
type Millis int64

// Duration returns m as a time.Duration.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }
