// Package identity says who may act and how far. Its entities share the kind
// "identity" in the log, so that one filter finds every auth action:
//
//	Tenant      the roles of a tenant, who holds them, and its policies
//	Principal   a person, an agent or a service, and its credentials
//	Session     one login: the refresh token that it stands at
//	Invitation  a secret that works once: an agent's join token, a person's link
//	Keyset      the public keys that access tokens are signed with
//
// Secrets are never in an event: a credential is kept as a verifier (argon2id,
// or SHA-256 of a key with full entropy), a public key, or a ciphertext under
// a key that is kept outside the log.
//
// Directory is the fold of all of them on one node. It answers two questions
// without I/O: whose credential is this, and may this principal do that.
package identity

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// EntityKind is the kind of every entity of this package, as it stands in subjects.
const EntityKind = "identity"

// Limits of what one entity holds.
const (
	MaxName        = 63
	MaxTitle       = 256 // bytes
	MaxReason      = 1024
	MaxRoles       = 100
	MaxGrants      = 5_000
	MaxCredentials = 64
	MaxTeams       = 32
	MaxPolicies    = 64
	MaxPolicyText  = 16 << 10
)

// Event is a fact about an entity of this package. The set is sealed: each is
// also one of TenantEvent, PrincipalEvent, SessionEvent, InvitationEvent and
// KeysetEvent.
type Event interface {
	// Type is the event's name on the wire, such as "role.granted".
	Type() string
	identity()
}

// fact seals Event.
type fact struct{}

func (fact) identity() {}

// checkReason bounds what somebody gives as a reason.
func checkReason(reason string) error { return domain.CheckText("reason", reason, MaxReason) }

// expired reports whether a moment has come; the zero time never comes.
func expired(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
