package commands

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// UseCredential notes that a credential let the actor in. A code of an
// authenticator is spent by its time step: the same or an earlier one is
// refused from then on, on every node.
func (s *Service) UseCredential(ctx context.Context, by domain.Actor, m Meta, credential, source string, step int64) (Result, error) {
	return s.changeOwn(ctx, by, m, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.UseCredential(credential, source, step, s.now())
	})
}

// ProveCredential notes that a credential let the actor in, and what of it
// changed thereby. It fails with kind Unauthenticated when the credential was
// changed since it was read as was, or is gone.
func (s *Service) ProveCredential(ctx context.Context, by domain.Actor, m Meta, was, is identity.Credential, source string) (Result, error) {
	return s.changeOwn(ctx, by, m, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.ProveCredential(was, is, source, s.now())
	})
}

// SpendRecovery takes one code, given as its verifier, out of a set of
// recovery codes. It fails when another request has spent it.
func (s *Service) SpendRecovery(ctx context.Context, by domain.Actor, m Meta, credential, code string) (Result, error) {
	return s.changeOwn(ctx, by, m, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.SpendRecovery(credential, code)
	})
}

// NoteFailure records a wrong proof, and that its source is locked out until a
// moment unless that is zero.
func (s *Service) NoteFailure(ctx context.Context, by domain.Actor, of identity.CredentialType, source string, until time.Time) error {
	_, err := s.changeOwn(ctx, by, Meta{}, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.Fail(of, source, until, s.now())
	})
	return err
}

// NoteDenial records what a principal was refused, and how often.
func (s *Service) NoteDenial(ctx context.Context, who identity.Ref, action, resource, reason string, count int) error {
	_, err := s.changeOwn(ctx, domain.Actor{Tenant: who.Tenant, ID: who.ID}, Meta{}, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.Deny(action, resource, reason, count)
	})
	return err
}

// changeOwn is a change that the mesh makes to a principal for its own proofs;
// a principal that is suspended gets a record of failures all the same.
func (s *Service) changeOwn(ctx context.Context, by domain.Actor, m Meta, decide func(identity.Principal) ([]identity.PrincipalEvent, error)) (Result, error) {
	began := s.now()
	res, err := s.settle(ctx, s.envelope(by, m), func(d *draft) (string, error) {
		return by.ID, s.decidePrincipal(ctx, d, by.HomeTenant(), by.ID, decide)
	})
	return res, s.ended("credential.prove", began, err)
}
