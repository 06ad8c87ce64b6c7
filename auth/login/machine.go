package login

import (
	"context"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Assertion begins a session of an agent that proves itself by its key pair:
// it signed a short statement about itself (RFC 7523), which counts once.
func (s *Service) Assertion(ctx context.Context, signed string, v Visit) (Tokens, error) {
	key, err := token.AssertionKey(signed)
	if err != nil {
		return Tokens{}, errProof()
	}
	owner, err := heard(ctx, s, errProof(), func() (keyOwner, bool) {
		ref, c, ok := s.cfg.Directory.KeyOwner(key)
		return keyOwner{ref, c}, ok
	})
	if err != nil {
		return Tokens{}, err
	}
	ref, c := owner.ref, owner.credential
	if c.Type != identity.CredentialKeyPair {
		return Tokens{}, errProof()
	}
	public, err := publicKey(c.Public)
	if err != nil {
		return Tokens{}, errProof()
	}
	now := s.now()
	claims, err := token.VerifyAssertion(signed, public, s.cfg.Issuer, now)
	if err != nil || claims.Subject != ref.ID || !s.jti.take(claims.ID, claims.Expires, now) {
		return Tokens{}, errProof()
	}
	p, _ := s.cfg.Directory.Principal(ref)
	if p.Suspended {
		return Tokens{}, errProof()
	}
	return s.begin(ctx, ref, p.Kind, identity.SessionStarted{
		Client: v.Client, Methods: []string{"hwk"}, Scopes: c.Scopes, ExpiresAt: now.Add(machineLife),
	}, v.From, false)
}

// methodKey says that a session began by an API key.
const methodKey = "key"

type keyOwner struct {
	ref        identity.Ref
	credential identity.Credential
}

// Exchange begins a session of an actor that proved itself by an API key, no
// wider than the key. What acts for somebody cannot be changed: it would act
// for itself then.
func (s *Service) Exchange(ctx context.Context, by domain.Actor, scopes []string, v Visit) (Tokens, error) {
	if by.For != "" {
		return Tokens{}, errDelegated()
	}
	if len(scopes) == 0 {
		scopes = by.Scopes
	}
	if !identity.Within(scopes, by.Scopes) {
		return Tokens{}, domain.InvalidField("scope", "is wider than that of the credential")
	}
	return s.begin(ctx, identity.Ref{Tenant: by.HomeTenant(), ID: by.ID}, by.Kind, identity.SessionStarted{
		Client: v.Client, Methods: []string{methodKey}, Scopes: scopes, ExpiresAt: s.now().Add(machineLife),
	}, v.From, false)
}

// Delegate lets an agent act for the actor for an hour, within what both may do
// and no wider than scopes (RFC 8693).
func (s *Service) Delegate(ctx context.Context, by domain.Actor, agent string, scopes []string, v Visit) (Tokens, error) {
	if by.For != "" {
		return Tokens{}, errDelegated()
	}
	if err := s.cfg.Commands.Authorise(by, "principal.delegate", identity.Resource{Kind: "principal", ID: agent}); err != nil {
		return Tokens{}, err
	}
	p, ok := s.cfg.Directory.Principal(identity.Ref{Tenant: by.HomeTenant(), ID: agent})
	if !ok || p.Kind != domain.Agent {
		return Tokens{}, &domain.Error{Kind: domain.NotFound, Code: "agent_not_found", Field: "agent", Message: "no agent with an identity of its own has this id"}
	}
	if len(scopes) == 0 {
		return Tokens{}, domain.InvalidField("scope", "say what the agent may do for you, such as task.submit")
	}
	if !identity.Within(scopes, by.Scopes) {
		return Tokens{}, domain.InvalidField("scope", "is wider than that of the credential")
	}
	return s.begin(ctx, identity.Ref{Tenant: by.HomeTenant(), ID: by.ID}, by.Kind, identity.SessionStarted{
		Client: v.Client, Methods: []string{"delegated"}, Scopes: scopes, Actor: agent, ExpiresAt: s.now().Add(delegateLife),
	}, v.From, false)
}

func errDelegated() error {
	return &domain.Error{Kind: domain.Denied, Code: "denied", Message: "an agent that acts for somebody does not pass that on"}
}

// spent remembers what counts once, until it would have expired anyway.
type spent struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newSpent() *spent { return &spent{until: map[string]time.Time{}} }

// take reports whether id was not taken before.
func (s *spent) take(id string, until, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.until[id]; used {
		return false
	}
	if len(s.until)&(len(s.until)-1) == 0 { // at powers of two: cheap on average
		for old, end := range s.until {
			if now.After(end) {
				delete(s.until, old)
			}
		}
	}
	s.until[id] = until
	return true
}
