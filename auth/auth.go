// Package auth finds out who presents a credential. It is mechanism: what a
// principal is and may do stands in domain/identity.
package auth

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Config is what an Authenticator needs.
type Config struct {
	Directory *identity.Directory
	Tokens    *token.Verifier  // nil = no access tokens
	Now       func() time.Time // default time.Now
	// Used is told that an API key let its owner in, unless its use was
	// written down within identity.UsedEvery. It must not block. May be nil.
	Used func(owner identity.Ref, key string, from netip.Addr)
}

// Authenticator checks credentials against the directory of its node, so that
// a revocation counts as soon as the node has read it.
type Authenticator struct {
	directory *identity.Directory
	tokens    *token.Verifier
	now       func() time.Time
	used      func(owner identity.Ref, key string, from netip.Addr)
}

// ErrUnknown is in the error of a credential that this node has not heard of.
// It may have been made on another node a moment ago: who catches up with the
// log may try once more.
var ErrUnknown = errors.New("this node does not know the credential")

// New returns an Authenticator.
func New(cfg Config) *Authenticator {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Authenticator{directory: cfg.Directory, tokens: cfg.Tokens, now: cfg.Now, used: cfg.Used}
}

// Authenticate returns the principal that presents a credential from an
// address, which may be unknown. It fails with kind Unauthenticated and says no
// more than that the credential is missing, expired or not valid; the error
// wraps ErrUnknown for one that this node has not heard of.
func (a *Authenticator) Authenticate(credential string, from netip.Addr) (domain.Actor, error) {
	switch {
	case credential == "":
		return domain.Actor{}, &domain.Error{Kind: domain.Unauthenticated, Code: "no_credential", Message: "no credential given; send Authorization: Bearer <token>"}
	case strings.HasPrefix(credential, keyPrefix):
		return a.apiKey(credential, from)
	case a.tokens != nil && strings.Count(credential, ".") == 2:
		return a.accessToken(credential)
	}
	return domain.Actor{}, errCredential()
}

// Vouched returns the principal that a server vouches for. It fails like
// Authenticate.
func (a *Authenticator) Vouched(ref identity.Ref) (domain.Actor, error) { return a.actor(ref, nil, "") }

// apiKey checks an API key.
func (a *Authenticator) apiKey(key string, from netip.Addr) (domain.Actor, error) {
	id, verifier, ok := parseAPIKey(key)
	if !ok {
		return domain.Actor{}, errCredential()
	}
	owner, c, ok := a.directory.KeyOwner(id)
	if !ok {
		return domain.Actor{}, errUnknown()
	}
	if c.Type != identity.CredentialAPIKey || !equal(c.Verifier, verifier) || !allowed(c.Networks, from) {
		return domain.Actor{}, errCredential()
	}
	if !c.ExpiresAt.IsZero() && !a.now().Before(c.ExpiresAt) {
		return domain.Actor{}, &domain.Error{Kind: domain.Unauthenticated, Code: "key_expired", Message: "the API key has expired; make a new one"}
	}
	by, err := a.actor(owner, c.Scopes, id)
	by.Expires = c.ExpiresAt
	if err == nil && a.used != nil && a.directory.UseDue(owner, id, a.now()) {
		a.used(owner, id, from)
	}
	return by, err
}

// accessToken checks a token, and that its session still counts.
func (a *Authenticator) accessToken(signed string) (domain.Actor, error) {
	claims, err := a.tokens.Verify(signed)
	if errors.Is(err, token.ErrUnknownKey) {
		return domain.Actor{}, errors.Join(err, ErrUnknown)
	}
	if err != nil {
		return domain.Actor{}, err
	}
	ref := identity.Ref{Tenant: claims.Tenant, ID: claims.Subject}
	session, ok := a.directory.Session(claims.Session, a.now())
	if !ok {
		return domain.Actor{}, errUnknown()
	}
	if session.Tenant != ref.Tenant || session.Principal != ref.ID || session.Actor != claims.Actor || a.directory.TokenRevoked(ref, claims.ID) {
		return domain.Actor{}, errCredential()
	}
	acts := ref
	if session.Actor != "" {
		acts.ID = session.Actor
	}
	by, err := a.actor(acts, session.Scopes, claims.ID)
	by.Expires = claims.Expires
	if session.Actor != "" {
		by.For = ref.ID
	}
	return by, err
}

// actor returns the principal as one who may act, if it may.
func (a *Authenticator) actor(ref identity.Ref, scopes []string, token string) (domain.Actor, error) {
	p, ok := a.directory.Principal(ref)
	if !ok {
		return domain.Actor{}, errUnknown()
	}
	if p.Suspended {
		return domain.Actor{}, errCredential()
	}
	return domain.Actor{Tenant: ref.Tenant, ID: ref.ID, Kind: p.Kind, Scopes: scopes, Token: token}, nil
}

// allowed reports whether an address is in one of the networks; no networks
// mean everywhere.
func allowed(networks []string, from netip.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	for _, n := range networks {
		if prefix, err := netip.ParsePrefix(n); err == nil && prefix.Contains(from.Unmap()) {
			return true
		}
	}
	return false
}

func errCredential() error { return refuse(nil) }

func errUnknown() error { return refuse(ErrUnknown) }

func refuse(cause error) error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "bad_credential", Message: "the credential is not valid", Err: cause}
}
