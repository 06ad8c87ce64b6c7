package commands

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// CreateTenant makes a tenant. Nobody holds a role in it but the super admins,
// who hold theirs everywhere.
func (s *Service) CreateTenant(ctx context.Context, by domain.Actor, m Meta, name, title string) (Result, error) {
	if !domain.ValidTenant(name) { // before it is part of a subject
		name = ""
	}
	return s.changeTenant(ctx, by, "tenant.create", m, name, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.Create(name, title)
	})
}

// SuspendTenant stops everybody in a tenant.
func (s *Service) SuspendTenant(ctx context.Context, by domain.Actor, m Meta, name, reason string) (Result, error) {
	return s.changeTenant(ctx, by, "tenant.suspend", m, name, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.Suspend(reason)
	})
}

// ResumeTenant ends the suspension of a tenant.
func (s *Service) ResumeTenant(ctx context.Context, by domain.Actor, m Meta, name string) (Result, error) {
	return s.changeTenant(ctx, by, "tenant.resume", m, name, identity.Tenant.Resume)
}

// DefineRole makes or changes a custom role of the actor's tenant. It fails
// with identity.ErrEscalation when it would permit more than the actor may do.
func (s *Service) DefineRole(ctx context.Context, by domain.Actor, m Meta, role identity.Role) (Result, error) {
	return s.changeTenant(ctx, by, "role.define", m, by.Tenant, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.DefineRole(role, s.rights(by))
	})
}

// RemoveRole removes a custom role of the actor's tenant.
func (s *Service) RemoveRole(ctx context.Context, by domain.Actor, m Meta, role string) (Result, error) {
	return s.changeTenant(ctx, by, "role.define", m, by.Tenant, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.RemoveRole(role, s.rights(by))
	})
}

// GrantRole gives a principal of the actor's tenant a role, until expires
// unless that is zero. It fails with identity.ErrSuspended for a principal that
// is suspended.
func (s *Service) GrantRole(ctx context.Context, by domain.Actor, m Meta, g identity.Grant, expires time.Time) (Result, error) {
	return s.changeTenant(ctx, by, "role.grant", m, by.Tenant, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		p, ok := s.directory.Principal(identity.Ref{Tenant: by.Tenant, ID: g.Principal})
		if !ok {
			return nil, identity.ErrPrincipalNotFound
		}
		if p.Suspended { // an admin who cannot act would pass for one who stays
			return nil, identity.ErrSuspended
		}
		return t.GrantRole(g, expires, s.now(), s.rights(by))
	})
}

// RevokeRole takes a role from a principal of the actor's tenant. It fails with
// identity.ErrLastAdmin when nobody would hold it any more.
func (s *Service) RevokeRole(ctx context.Context, by domain.Actor, m Meta, g identity.Grant, reason string) (Result, error) {
	return s.changeTenant(ctx, by, "role.grant", m, by.Tenant, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.RevokeRole(g, reason, s.now(), s.rights(by))
	})
}

// SetPolicy gives a policy of the actor's tenant a text that check finds sound.
func (s *Service) SetPolicy(ctx context.Context, by domain.Actor, m Meta, name, text string, check func(text string) error) (Result, error) {
	return s.changeTenant(ctx, by, "policy.manage", m, by.Tenant, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		if err := check(text); err != nil {
			return nil, err
		}
		return t.SetPolicy(name, text)
	})
}

// RemovePolicy removes a policy of the actor's tenant.
func (s *Service) RemovePolicy(ctx context.Context, by domain.Actor, m Meta, name string) (Result, error) {
	return s.changeTenant(ctx, by, "policy.manage", m, by.Tenant, func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.RemovePolicy(name)
	})
}

func (s *Service) changeTenant(ctx context.Context, by domain.Actor, command string, m Meta, name string, decide func(identity.Tenant) ([]identity.TenantEvent, error)) (Result, error) {
	about := identity.Resource{Kind: "tenant", ID: name}
	return s.changeIdentity(ctx, by, command, m, about, func(d *draft) (string, error) {
		if !domain.ValidTenant(name) {
			return "", domain.InvalidField("tenant", "a tenant is lower-case letters, digits and dashes, 63 at most")
		}
		return name, add(ctx, d, s.identities.tenants, tenantEntity(name), decide)
	})
}
