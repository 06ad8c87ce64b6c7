package commands

import (
	"context"
	"errors"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Account is what a login provider says of a person who has logged in there.
type Account struct {
	Credential identity.Credential // of type oidc
	Name       string              // of the principal, when one is made
	Roles      []string            // that the provider gives now
	Source     string              // keyed hash of the address
}

// ErrAccountUsed says that an account has signed up before, and that somebody
// has taken it from its principal since.
var ErrAccountUsed = &domain.Error{Kind: domain.Denied, Code: "account_removed", Message: "the account has been removed from its principal here; ask an admin to link it again"}

// SignUp makes the principal of an account in a tenant, with the account as its
// way in and the roles that the provider gives. An account signs up once: after
// that it fails with ErrAccountUsed. left are roles that could not be given.
func (s *Service) SignUp(ctx context.Context, m Meta, tenant string, a Account) (res Result, left []string, err error) {
	began := s.now()
	res, left, err = s.signUp(ctx, m, tenant, a)
	return res, left, s.ended("account.sign_up", began, err)
}

func (s *Service) signUp(ctx context.Context, m Meta, tenant string, a Account) (res Result, left []string, err error) {
	if err := errors.Join(m.validate(), s.room()); err != nil {
		return Result{}, nil, err
	}
	id := keyedID("account", tenant, a.Credential.ID) // the same however often and wherever it is asked for
	if _, known := s.directory.Principal(identity.Ref{Tenant: tenant, ID: id}); known {
		return Result{}, nil, ErrAccountUsed
	}
	cmd := s.envelope(domain.Actor{Tenant: tenant, ID: id, Kind: domain.Human}, m)
	res, err = s.settle(ctx, cmd, func(d *draft) (string, error) {
		if err := s.createWith(ctx, d, tenant, id, NewPrincipal{Kind: domain.Human, Name: a.Name}, a.Credential); err != nil {
			return id, err
		}
		left, err = s.provide(ctx, d, tenant, id, a)
		return id, err
	})
	return res, left, err
}

// LinkAccount gives a principal of the actor's tenant an account as a way in.
// roles are all that its provider may ever give: the actor must be able to give
// them, for they may come to a principal that others can act as. It fails with
// code account_taken for an account that lets somebody else in.
func (s *Service) LinkAccount(ctx context.Context, by domain.Actor, m Meta, id string, c identity.Credential, roles []string) (Result, error) {
	return s.changePrincipal(ctx, by, "credential.manage", m, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		if owner, _, taken := s.directory.CredentialOwner(c.ID); taken && owner != (identity.Ref{Tenant: by.Tenant, ID: id}) {
			return nil, &domain.Error{Kind: domain.Conflict, Code: "account_taken", Field: "subject", Message: "the account lets somebody else in; remove it there first"}
		}
		if err := errors.Join(s.mayImpersonate(by, id), s.mayGive(by, roles)); err != nil {
			return nil, err
		}
		return p.SetCredential(c, s.now())
	})
}

// mayGive refuses roles that an actor could not give.
func (s *Service) mayGive(by domain.Actor, roles []string) error {
	t, _ := s.directory.Tenant(by.Tenant)
	mine := s.rights(by)
	for _, name := range roles {
		if role, ok := t.Role(name); ok && (!mine["role.grant"] || !mine.Cover(by.Tenant, role.Permissions)) {
			return identity.ErrEscalation
		}
	}
	return nil
}

// UseAccount notes that an account let the actor in, and brings the roles that
// came from it up to date; see identity.Tenant.Provide, also for left. It fails
// with identity.ErrSuspended for an actor that is suspended.
func (s *Service) UseAccount(ctx context.Context, by domain.Actor, m Meta, a Account) (left []string, err error) {
	began := s.now()
	_, err = s.settle(ctx, s.envelope(by, m), func(d *draft) (string, error) {
		err := s.decidePrincipal(ctx, d, by.HomeTenant(), by.ID, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			if p.Suspended {
				return nil, identity.ErrSuspended
			}
			return p.UseCredential(a.Credential.ID, a.Source, 0, s.now())
		})
		if err != nil {
			return by.ID, err
		}
		left, err = s.provide(ctx, d, by.HomeTenant(), by.ID, a)
		return by.ID, err
	})
	return left, s.ended("account.use", began, err)
}

// provide adds what changes about the roles of an account to a draft.
func (s *Service) provide(ctx context.Context, d *draft, tenant, id string, a Account) (left []string, err error) {
	err = add(ctx, d, s.identities.tenants, tenantEntity(tenant), func(t identity.Tenant) (events []identity.TenantEvent, err error) {
		switch {
		case !t.Exists():
			return nil, identity.ErrTenantNotFound
		case t.Suspended:
			return nil, &domain.Error{Kind: domain.Denied, Code: "denied", Message: "the tenant is suspended"}
		}
		events, left, err = t.Provide(id, a.Credential.ID, a.Roles, s.now())
		return events, err
	})
	return left, err
}
