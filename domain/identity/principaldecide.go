package identity

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Create makes a principal. An agent and a service have an owner who answers
// for them; a person has none. That owner exists is for the caller to know.
func (p Principal) Create(kind domain.ActorKind, name, owner string) ([]PrincipalEvent, error) {
	if err := domain.CheckName("name", name); err != nil {
		return nil, err
	}
	switch kind {
	case domain.Human:
		if owner != "" {
			return nil, domain.InvalidField("owner", "a person has no owner")
		}
	case domain.Agent, domain.Service:
		if owner == "" {
			return nil, domain.InvalidField("owner", "every %s has an owner who answers for it", kind)
		}
	default:
		return nil, domain.InvalidField("kind", "%.32q is not human, agent or service", kind)
	}
	if p.Exists() && p.Kind == kind && p.Name == name && p.Owner == owner {
		return nil, nil
	}
	if p.Exists() {
		return nil, &domain.Error{Kind: domain.Conflict, Code: "principal_exists", Field: "name", Message: "the principal exists already"}
	}
	return []PrincipalEvent{PrincipalCreated{Kind: kind, Name: name, Owner: owner}}, nil
}

// Suspend stops the principal at once: its sessions and tokens are revoked.
func (p Principal) Suspend(reason string) ([]PrincipalEvent, error) {
	switch err := checkReason(reason); {
	case err != nil:
		return nil, err
	case !p.Exists():
		return nil, ErrPrincipalNotFound
	case p.Suspended:
		return nil, nil
	}
	return []PrincipalEvent{PrincipalSuspended{Reason: reason}}, nil
}

// Resume ends a suspension.
func (p Principal) Resume() ([]PrincipalEvent, error) {
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	if !p.Suspended {
		return nil, nil
	}
	return []PrincipalEvent{PrincipalResumed{}}, nil
}

// SetTeams puts the principal into the teams, and out of all others. The same
// teams again change nothing. It fails with ErrPrincipalNotFound, and with an
// Invalid error when there are more than MaxTeams or one of them is no name.
func (p Principal) SetTeams(teams []string) ([]PrincipalEvent, error) {
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	if err := domain.CheckNames("teams", teams, MaxTeams); err != nil {
		return nil, err
	}
	teams = slices.Compact(slices.Sorted(slices.Values(teams)))
	if slices.Equal(teams, p.Teams) {
		return nil, nil
	}
	return []PrincipalEvent{TeamsSet{Teams: teams}}, nil
}

// SetCredential gives the principal a way in, or replaces the one of this id.
func (p Principal) SetCredential(c Credential, now time.Time) ([]PrincipalEvent, error) {
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	if p.Suspended {
		return nil, ErrSuspended
	}
	if _, known := p.Credentials[c.ID]; !known && len(p.Credentials) >= MaxCredentials {
		return nil, domain.InvalidField("credential", "the principal has %d credentials already; remove one first", MaxCredentials)
	}
	if err := c.validate(now); err != nil {
		return nil, err
	}
	return []PrincipalEvent{CredentialSet{Credential: c}}, nil
}

func (c Credential) validate(now time.Time) error {
	if c.ID == "" {
		return domain.InvalidField("credential", "has no id")
	}
	if err := domain.CheckText("name", c.Name, MaxTitle); err != nil {
		return err
	}
	if len(c.Scopes) > 0 {
		if err := CheckPermissions("scopes", c.Scopes); err != nil {
			return err
		}
	}
	for _, n := range c.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return domain.InvalidField("networks", "%.64q is not a network such as 10.0.0.0/8", n)
		}
	}
	if err := domain.CheckTime("expires_at", c.ExpiresAt); err != nil {
		return err
	}
	if expired(c.ExpiresAt, now) {
		return domain.InvalidField("expires_at", "%s is in the past", c.ExpiresAt.Format(time.RFC3339))
	}
	return c.checkProof()
}

// checkProof refuses a credential whose verifier could be a secret in the clear.
func (c Credential) checkProof() error {
	sound := false
	switch c.Type {
	case CredentialPassword:
		sound = strings.HasPrefix(c.Verifier, "$argon2id$")
	case CredentialAPIKey:
		raw, err := hex.DecodeString(c.Verifier)
		sound = err == nil && len(raw) == 32
	case CredentialTOTP:
		sound = c.Sealed != ""
	case CredentialRecovery:
		sound = len(c.Codes) > 0 && c.Verifier != ""
	case CredentialPasskey, CredentialOIDC, CredentialKeyPair:
		sound = c.Public != ""
	}
	if !sound {
		return domain.InvalidField("credential", "a %.16q has no sound verifier", c.Type)
	}
	return nil
}

// RemoveCredential takes a way in.
func (p Principal) RemoveCredential(id, reason string) ([]PrincipalEvent, error) {
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	if _, ok := p.Credentials[id]; !ok {
		return nil, ErrCredentialNotFound
	}
	return []PrincipalEvent{CredentialRemoved{Credential: id, Reason: reason}}, nil
}

// UsedEvery is how often the use of a credential is worth an event.
const UsedEvery = time.Hour

func (p Principal) useDue(id string, now time.Time) bool { return now.Sub(p.LastUsed[id]) >= UsedEvery }

// UseCredential notes that a credential let the principal in, at most once an
// hour. A TOTP step that is not after the last one is refused: the code was
// used before (RFC 6238, section 5.2).
func (p Principal) UseCredential(id, source string, step int64, now time.Time) ([]PrincipalEvent, error) {
	if _, ok := p.Credentials[id]; !ok {
		return nil, ErrCredentialNotFound
	}
	if step > 0 && step <= p.LastStep {
		return nil, &domain.Error{Kind: domain.Unauthenticated, Code: "code_used", Message: "the code has been used; wait for the next one"}
	}
	if step == 0 && !p.useDue(id, now) {
		return nil, nil
	}
	return []PrincipalEvent{CredentialUsed{Credential: id, Source: source, Step: step}}, nil
}

// ProveCredential notes that a credential let the principal in, and what of it
// changed thereby: a passkey counts its signatures. Of two proofs that start
// from the same count one is refused, with kind Unauthenticated, and so is that
// of a credential that was removed, or of a principal that was suspended, while
// it was checked.
func (p Principal) ProveCredential(was, is Credential, source string, now time.Time) ([]PrincipalEvent, error) {
	kept, ok := p.Credentials[was.ID]
	if !ok || p.Suspended || is.ID != was.ID || is.Public != was.Public && kept.Public != was.Public {
		return nil, &domain.Error{Kind: domain.Unauthenticated, Code: "credential_changed", Message: "the credential was changed or used at this very moment; try again"}
	}
	events, err := p.UseCredential(is.ID, source, 0, now)
	if is.Public != was.Public {
		kept.Public = is.Public
		events = append(events, CredentialSet{Credential: kept})
	}
	return events, err
}

// SpendRecovery takes one code, given as its verifier, out of a set.
func (p Principal) SpendRecovery(id, code string) ([]PrincipalEvent, error) {
	c, ok := p.Credentials[id]
	if !ok {
		return nil, ErrCredentialNotFound
	}
	i := slices.Index(c.Codes, code)
	if i < 0 {
		return nil, &domain.Error{Kind: domain.Unauthenticated, Code: "code_used", Message: "the code has been used"}
	}
	c.Codes = slices.Delete(slices.Clone(c.Codes), i, i+1)
	return []PrincipalEvent{CredentialSet{Credential: c}}, nil
}

// failureEvery is how often failures of one kind are worth an event.
const failureEvery = 10 * time.Second

// Fail notes a wrong proof, at most once in ten seconds, and every lock-out.
func (p Principal) Fail(of CredentialType, source string, until, now time.Time) ([]PrincipalEvent, error) {
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	var events []PrincipalEvent
	if now.Sub(p.LastFailure) >= failureEvery {
		events = append(events, CredentialFailed{Of: of, Source: source})
	}
	if !until.IsZero() {
		events = append(events, LockedOut{Until: until, Source: source})
	}
	return events, nil
}

// Deny records what the principal was refused, and how often.
func (p Principal) Deny(action, resource, reason string, count int) ([]PrincipalEvent, error) {
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	return []PrincipalEvent{AccessDenied{Action: action, Resource: resource, Reason: reason, Count: count}}, nil
}

// RevokeTokens ends every session and token of the principal.
func (p Principal) RevokeTokens(reason string) ([]PrincipalEvent, error) {
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	return []PrincipalEvent{TokensRevoked{Reason: reason}}, nil
}

// RevokeToken ends one access token.
func (p Principal) RevokeToken(token string, expires time.Time) ([]PrincipalEvent, error) {
	if !p.Exists() {
		return nil, ErrPrincipalNotFound
	}
	if _, done := p.Revoked[token]; done {
		return nil, nil
	}
	return []PrincipalEvent{TokenRevoked{Token: token, ExpiresAt: expires}}, nil
}
