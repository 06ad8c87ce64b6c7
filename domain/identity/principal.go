package identity

import (
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Principal is the state of one person, agent or service.
type Principal struct {
	ID          string
	Kind        domain.ActorKind
	Name        string   // login of a person; unique in the tenant
	Owner       string   // principal that answers for an agent or a service
	Teams       []string // whose items of memory it recalls; sorted
	Suspended   bool
	CreatedAt   time.Time
	Credentials map[string]Credential // by id
	NotBefore   time.Time             // tokens that were issued earlier are revoked
	Revoked     map[string]time.Time  // ids of revoked tokens, until they expire
	LastUsed    map[string]time.Time  // of credentials, by id
	LastFailure time.Time             // that was told
	LastStep    int64                 // of the last TOTP code that was used
}

// CredentialType says how a credential proves who acts.
type CredentialType string

// The types of credentials.
const (
	CredentialPassword CredentialType = "password" // Verifier is argon2id in PHC form
	CredentialTOTP     CredentialType = "totp"     // Sealed is the seed
	CredentialRecovery CredentialType = "recovery" // Codes are verifiers of codes that work once, with Verifier as salt
	CredentialPasskey  CredentialType = "passkey"  // Public is a WebAuthn credential
	CredentialOIDC     CredentialType = "oidc"     // Public is "<issuer> <subject>"
	CredentialAPIKey   CredentialType = "api_key"  // Verifier is SHA-256
	CredentialKeyPair  CredentialType = "key_pair" // Public is an Ed25519 key of an agent
)

// Credential is one way in. It holds nothing that lets anybody in.
type Credential struct {
	ID        string         `json:"credential"`
	Type      CredentialType `json:"credential_type"`
	Name      string         `json:"name,omitempty"`
	Verifier  string         `json:"verifier,omitempty"`
	Public    string         `json:"public,omitempty"`
	Sealed    string         `json:"sealed,omitempty"`
	Codes     []string       `json:"codes,omitempty"`
	Scopes    []string       `json:"scopes,omitempty"`   // permissions that it is limited to; none = all of its principal
	Networks  []string       `json:"networks,omitempty"` // CIDRs that it works from; none = everywhere
	ExpiresAt time.Time      `json:"expires_at,omitzero"`
}

// Over reports whether the credential has expired at now.
func (c Credential) Over(now time.Time) bool { return expired(c.ExpiresAt, now) }

// sameLimits reports whether c and other let their bearer do the same, from the
// same places and as long.
func (c Credential) sameLimits(other Credential) bool {
	return slices.Equal(c.Scopes, other.Scopes) && slices.Equal(c.Networks, other.Networks) && c.ExpiresAt.Equal(other.ExpiresAt)
}

// Exists reports whether the principal has been created.
func (p Principal) Exists() bool { return p.Kind != "" }

// Apply returns p after e, which happened at at. The maps of p are not changed.
func (p Principal) Apply(e PrincipalEvent, at time.Time) Principal { return e.applyPrincipal(p, at) }

// Of returns the credentials of a type.
func (p Principal) Of(t CredentialType) []Credential {
	var out []Credential
	for _, c := range p.Credentials {
		if c.Type == t {
			out = append(out, c)
		}
	}
	return out
}

// What is refused about principals.
var (
	ErrPrincipalNotFound  = &domain.Error{Kind: domain.NotFound, Code: "principal_not_found", Field: "principal", Message: "no such principal"}
	ErrSuspended          = &domain.Error{Kind: domain.Conflict, Code: "principal_suspended", Message: "the principal is suspended"}
	ErrCredentialNotFound = &domain.Error{Kind: domain.NotFound, Code: "credential_not_found", Field: "credential", Message: "no such credential"}
)
