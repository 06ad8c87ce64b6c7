package identity

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// PrincipalEvent is a fact about a principal.
type PrincipalEvent interface {
	Event
	applyPrincipal(p Principal, at time.Time) Principal
}

// PrincipalCreated is the first event of a principal.
type PrincipalCreated struct {
	fact
	Kind  domain.ActorKind `json:"kind"`
	Name  string           `json:"name"`
	Owner string           `json:"owner,omitempty"`
}

// PrincipalSuspended says that the principal may not act.
type PrincipalSuspended struct {
	fact
	Reason string `json:"reason,omitempty"`
}

// PrincipalResumed ends a suspension. Tokens from before it stay revoked.
type PrincipalResumed struct{ fact }

// TeamsSet says which teams the principal is in from now on.
type TeamsSet struct {
	fact
	Teams []string `json:"teams,omitempty"` // all of them
}

// CredentialSet gives the principal a way in, new or changed.
type CredentialSet struct {
	fact
	Credential
}

// CredentialRemoved takes a way in.
type CredentialRemoved struct {
	fact
	Credential string `json:"credential"`
	Reason     string `json:"reason,omitempty"`
}

// CredentialUsed says that a credential let its principal in. It is told at
// most once an hour a credential; Step is the last time step of a TOTP code.
type CredentialUsed struct {
	fact
	Credential string `json:"credential"`
	Source     string `json:"source,omitempty"` // keyed hash of the address
	Step       int64  `json:"step,omitempty"`
}

// CredentialFailed says that a wrong proof was offered. More of them within a
// few seconds are not told.
type CredentialFailed struct {
	fact
	Of     CredentialType `json:"credential_type"`
	Source string         `json:"source,omitempty"` // keyed hash of the address
}

// LockedOut says that the principal has to wait at one source of failures.
type LockedOut struct {
	fact
	Until  time.Time `json:"until"`
	Source string    `json:"source,omitempty"`
}

// TokensRevoked ends every session and token of the principal.
type TokensRevoked struct {
	fact
	Reason string `json:"reason,omitempty"`
}

// TokenRevoked ends one access token before it expires.
type TokenRevoked struct {
	fact
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// AccessDenied says what the principal was refused, and how often since the
// last such event.
type AccessDenied struct {
	fact
	Action   string `json:"action"`
	Resource string `json:"resource,omitempty"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
}

// The wire names.

func (PrincipalCreated) Type() string   { return "principal.created" }
func (PrincipalSuspended) Type() string { return "principal.suspended" }
func (PrincipalResumed) Type() string   { return "principal.resumed" }
func (TeamsSet) Type() string           { return "principal.teams_set" }
func (CredentialSet) Type() string      { return "credential.set" }
func (CredentialRemoved) Type() string  { return "credential.removed" }
func (CredentialUsed) Type() string     { return "credential.used" }
func (CredentialFailed) Type() string   { return "credential.failed" }
func (LockedOut) Type() string          { return "principal.locked_out" }
func (TokensRevoked) Type() string      { return "tokens.revoked" }
func (TokenRevoked) Type() string       { return "token.revoked" }
func (AccessDenied) Type() string       { return "access.denied" }

func (e PrincipalCreated) applyPrincipal(p Principal, at time.Time) Principal {
	p.Kind, p.Name, p.Owner, p.CreatedAt = e.Kind, e.Name, e.Owner, at
	return p
}

func (e PrincipalSuspended) applyPrincipal(p Principal, at time.Time) Principal {
	p.Suspended, p.NotBefore = true, at
	return p
}

func (e PrincipalResumed) applyPrincipal(p Principal, at time.Time) Principal {
	p.Suspended, p.NotBefore = false, at
	return p
}

func (e TeamsSet) applyPrincipal(p Principal, _ time.Time) Principal {
	p.Teams = e.Teams
	return p
}

func (e CredentialSet) applyPrincipal(p Principal, _ time.Time) Principal {
	p.Credentials = with(p.Credentials, e.ID, e.Credential)
	return p
}

func (e CredentialRemoved) applyPrincipal(p Principal, _ time.Time) Principal {
	p.Credentials = without(p.Credentials, e.Credential)
	p.LastUsed = without(p.LastUsed, e.Credential)
	return p
}

func (e CredentialUsed) applyPrincipal(p Principal, at time.Time) Principal {
	p.LastUsed = with(p.LastUsed, e.Credential, at)
	if e.Step > 0 {
		p.LastStep = e.Step
	}
	return p
}

func (e CredentialFailed) applyPrincipal(p Principal, at time.Time) Principal {
	p.LastFailure = at
	return p
}

func (e LockedOut) applyPrincipal(p Principal, _ time.Time) Principal { return p }

func (e TokensRevoked) applyPrincipal(p Principal, at time.Time) Principal {
	p.NotBefore, p.Revoked = at, nil
	return p
}

func (e TokenRevoked) applyPrincipal(p Principal, at time.Time) Principal {
	kept := map[string]time.Time{e.Token: e.ExpiresAt}
	for id, until := range p.Revoked {
		if until.After(at) {
			kept[id] = until
		}
	}
	p.Revoked = kept
	return p
}

func (e AccessDenied) applyPrincipal(p Principal, _ time.Time) Principal { return p }
