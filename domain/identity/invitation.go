package identity

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Invitation is the state of a secret that works once: whoever presents it
// becomes the principal that it describes, or gets a new way in to the one
// that it names.
type Invitation struct {
	ID        string
	Kind      domain.ActorKind
	Name      string // that the principal will have; empty = the guest chooses
	Owner     string // of the agent or service
	Principal string // that exists already and gets a new credential
	Roles     []string
	Verifier  string // SHA-256 of the secret, hex
	ExpiresAt time.Time
	IssuedBy  string
	UsedBy    string
	Revoked   bool
}

// InvitationEvent is a fact about an invitation.
type InvitationEvent interface {
	Event
	applyInvitation(i Invitation, at time.Time) Invitation
}

// InvitationIssued is the first event of an invitation.
type InvitationIssued struct {
	fact
	Kind      domain.ActorKind `json:"kind"`
	Name      string           `json:"name,omitempty"`
	Owner     string           `json:"owner,omitempty"`
	Principal string           `json:"principal,omitempty"`
	Roles     []string         `json:"roles,omitempty"`
	Verifier  string           `json:"verifier"`
	IssuedBy  string           `json:"issued_by"`
	ExpiresAt time.Time        `json:"expires_at"`
}

// InvitationUsed says who came by it.
type InvitationUsed struct {
	fact
	Principal string `json:"principal"`
	Source    string `json:"source,omitempty"` // keyed hash of the address
}

// InvitationRevoked says that it opens nothing any more.
type InvitationRevoked struct {
	fact
	Reason string `json:"reason,omitempty"`
}

// The wire names.

func (InvitationIssued) Type() string  { return "invitation.issued" }
func (InvitationUsed) Type() string    { return "invitation.used" }
func (InvitationRevoked) Type() string { return "invitation.revoked" }

func (e InvitationIssued) applyInvitation(i Invitation, _ time.Time) Invitation {
	i.Kind, i.Name, i.Owner, i.Principal, i.Roles = e.Kind, e.Name, e.Owner, e.Principal, e.Roles
	i.Verifier, i.IssuedBy, i.ExpiresAt = e.Verifier, e.IssuedBy, e.ExpiresAt
	return i
}

func (e InvitationUsed) applyInvitation(i Invitation, _ time.Time) Invitation {
	i.UsedBy = e.Principal
	return i
}

func (e InvitationRevoked) applyInvitation(i Invitation, _ time.Time) Invitation {
	i.Revoked = true
	return i
}

// Apply returns i after e, which happened at at.
func (i Invitation) Apply(e InvitationEvent, at time.Time) Invitation {
	return e.applyInvitation(i, at)
}

// Exists reports whether the invitation has been issued.
func (i Invitation) Exists() bool { return i.Verifier != "" }

// Open reports whether the invitation can still be used.
func (i Invitation) Open(now time.Time) bool {
	return i.Exists() && i.UsedBy == "" && !i.Revoked && !expired(i.ExpiresAt, now)
}

// MaxInvitation is how long an invitation may be open.
const MaxInvitation = 30 * 24 * time.Hour

// ErrInvitation refuses a secret that opens nothing, without saying why: it is
// unknown, used, revoked or expired.
var ErrInvitation = &domain.Error{Kind: domain.Unauthenticated, Code: "invitation_invalid", Message: "the invitation is not valid any more; ask for a new one"}

// Issue makes an invitation.
func (i Invitation) Issue(e InvitationIssued, now time.Time) ([]InvitationEvent, error) {
	switch {
	case i.Exists():
		return nil, &domain.Error{Kind: domain.Conflict, Code: "invitation_exists", Message: "the invitation exists already"}
	case e.Kind != domain.Human && e.Kind != domain.Agent:
		return nil, domain.InvalidField("kind", "%.32q is not human or agent", e.Kind)
	case e.Kind == domain.Agent && e.Owner == "":
		return nil, domain.InvalidField("owner", "every agent has an owner who answers for it")
	case e.Verifier == "":
		return nil, domain.InvalidField("verifier", "an invitation has a secret")
	case e.ExpiresAt.IsZero() || expired(e.ExpiresAt, now) || e.ExpiresAt.Sub(now) > MaxInvitation:
		return nil, domain.InvalidField("expires_at", "must be within the next %v", MaxInvitation)
	}
	if e.Name != "" {
		if err := domain.CheckName("name", e.Name); err != nil {
			return nil, err
		}
	}
	return []InvitationEvent{e}, nil
}

// Use spends the invitation on a principal.
func (i Invitation) Use(verifier, principal, source string, now time.Time) ([]InvitationEvent, error) {
	if !i.Open(now) || i.Verifier != verifier { // digests of random values: nothing to learn from timing
		return nil, ErrInvitation
	}
	return []InvitationEvent{InvitationUsed{Principal: principal, Source: source}}, nil
}

// Revoke closes the invitation.
func (i Invitation) Revoke(reason string) ([]InvitationEvent, error) {
	switch err := checkReason(reason); {
	case err != nil:
		return nil, err
	case !i.Exists():
		return nil, &domain.Error{Kind: domain.NotFound, Code: "invitation_not_found", Message: "no such invitation"}
	case i.Revoked || i.UsedBy != "":
		return nil, nil
	}
	return []InvitationEvent{InvitationRevoked{Reason: reason}}, nil
}
