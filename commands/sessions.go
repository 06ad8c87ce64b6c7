package commands

import (
	"context"
	"errors"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// StartSession begins a session of the principal that an actor has just proved
// to be; id is the session's. The principal must be active.
func (s *Service) StartSession(ctx context.Context, by domain.Actor, m Meta, id string, start identity.SessionStarted) (Result, error) {
	start.Principal = by.ID
	return s.changeSession(ctx, by, identity.ActionOwn, m, id, func(state identity.Session) ([]identity.SessionEvent, error) {
		return state.Start(start, s.now())
	})
}

// RefreshSession changes the refresh token that is presented for the next one;
// both are given as verifiers. A token that was changed before ends the
// session, which is recorded, and fails with identity.ErrRefresh like any that
// is not valid.
func (s *Service) RefreshSession(ctx context.Context, by domain.Actor, m Meta, id, presented, next, source string) (Result, error) {
	reused := false
	res, err := s.changeSession(ctx, by, identity.ActionOwn, m, id, func(state identity.Session) ([]identity.SessionEvent, error) {
		events, err := state.Refresh(presented, next, source, s.now())
		reused = len(events) == 1 && events[0].Type() == identity.ReuseDetected{}.Type()
		return events, err
	})
	if err == nil && reused {
		err = identity.ErrRefresh
	}
	return res, err
}

// EndSession ends a session of the actor's tenant. Everybody may end their own.
func (s *Service) EndSession(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	action := "session.end"
	if own, ok := s.directory.Session(id, s.now()); ok && own.Principal == by.ID && own.Tenant == by.HomeTenant() {
		action = identity.ActionOwn
	}
	return s.changeSession(ctx, by, action, m, id, func(state identity.Session) ([]identity.SessionEvent, error) {
		return state.End(reason)
	})
}

func (s *Service) changeSession(ctx context.Context, by domain.Actor, command string, m Meta, id string, decide func(identity.Session) ([]identity.SessionEvent, error)) (Result, error) {
	return s.changeIdentity(ctx, by, command, m, identity.Resource{Kind: "session", ID: id}, func(d *draft) (string, error) {
		if _, err := entity(by.Tenant, identity.EntityKind, "session", id); err != nil {
			return "", err
		}
		return id, add(ctx, d, s.identities.sessions, identityEntity(by.Tenant, id), decide)
	})
}

// IssueInvitation makes a secret that works once; id is the invitation's. It
// never opens more than the actor may do.
func (s *Service) IssueInvitation(ctx context.Context, by domain.Actor, m Meta, id string, issue identity.InvitationIssued) (Result, error) {
	issue.IssuedBy = by.ID
	if issue.Kind == domain.Agent && issue.Owner == "" {
		issue.Owner = by.ID
	}
	return s.changeInvitation(ctx, by, "invitation.issue", m, id, func(state identity.Invitation) ([]identity.InvitationEvent, error) {
		if err := s.mayInvite(by, issue); err != nil {
			return nil, err
		}
		return state.Issue(issue, s.now())
	})
}

// mayInvite holds what an invitation opens against what the actor may do.
func (s *Service) mayInvite(by domain.Actor, issue identity.InvitationIssued) error {
	t, _ := s.directory.Tenant(by.Tenant)
	mine := s.rights(by)
	for _, name := range issue.Roles {
		role, ok := t.Role(name)
		if !ok {
			return identity.ErrRoleNotFound
		}
		if !mine["role.grant"] || !mine.Cover(by.Tenant, role.Permissions) || name == identity.RoleSuperAdmin && by.Tenant != domain.DefaultTenant {
			return identity.ErrEscalation
		}
	}
	if issue.Principal == "" {
		return nil
	}
	if _, ok := s.directory.Principal(identity.Ref{Tenant: by.Tenant, ID: issue.Principal}); !ok {
		return identity.ErrPrincipalNotFound
	}
	return s.mayImpersonate(by, issue.Principal)
}

// RevokeInvitation closes an invitation of the actor's tenant.
func (s *Service) RevokeInvitation(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.changeInvitation(ctx, by, "invitation.issue", m, id, func(state identity.Invitation) ([]identity.InvitationEvent, error) {
		return state.Revoke(reason)
	})
}

func (s *Service) changeInvitation(ctx context.Context, by domain.Actor, command string, m Meta, id string, decide func(identity.Invitation) ([]identity.InvitationEvent, error)) (Result, error) {
	return s.changeIdentity(ctx, by, command, m, identity.Resource{Kind: "invitation", ID: id}, func(d *draft) (string, error) {
		if _, err := entity(by.Tenant, identity.EntityKind, "invitation", id); err != nil {
			return "", err
		}
		return id, add(ctx, d, s.identities.invitations, identityEntity(by.Tenant, id), decide)
	})
}

// Guest is who presents an invitation's secret, and the way in that it makes.
type Guest struct {
	Verifier   string // of the secret
	Name       string // for a principal that is made, unless the invitation says it
	Credential identity.Credential
	Source     string // keyed hash of the address
}

// AcceptInvitation spends an invitation: the principal that it describes is
// made, with its roles and the guest's credential, or the one that it names
// gets the credential. Result.ID is the principal. It fails with
// identity.ErrInvitation for a secret that opens nothing, and while who issued
// it is suspended or may not invite any more.
func (s *Service) AcceptInvitation(ctx context.Context, m Meta, id string, g Guest) (Result, error) {
	began := s.now()
	res, err := s.accept(ctx, m, id, g)
	return res, s.ended("invitation.accept", began, err)
}

func (s *Service) accept(ctx context.Context, m Meta, id string, g Guest) (Result, error) {
	inv, ok := s.directory.Invitation(id, s.now())
	if !ok {
		return Result{}, identity.ErrInvitation
	}
	if err := errors.Join(m.validate(), s.room()); err != nil {
		return Result{}, err
	}
	principal := inv.Principal
	if principal == "" {
		principal = newID()
	}
	cmd := s.envelope(domain.Actor{Tenant: inv.Tenant, ID: principal, Kind: inv.Kind}, m)
	return s.settle(ctx, cmd, func(d *draft) (string, error) { return principal, s.admitGuest(ctx, d, inv, principal, g) })
}

// admitGuest adds everything that an invitation opens to a draft.
func (s *Service) admitGuest(ctx context.Context, d *draft, inv identity.InvitationOf, principal string, g Guest) error {
	err := add(ctx, d, s.identities.invitations, identityEntity(inv.Tenant, inv.ID), func(state identity.Invitation) ([]identity.InvitationEvent, error) {
		return state.Use(g.Verifier, principal, g.Source, s.now())
	})
	if err != nil {
		return err
	}
	entity := identityEntity(inv.Tenant, principal)
	by := domain.Actor{Tenant: inv.Tenant, ID: inv.IssuedBy, Home: s.homeOf(inv)}
	if !s.Decide(by, "invitation.issue", identity.Resource{Kind: "invitation", ID: inv.ID}).Allowed {
		return identity.ErrInvitation // who invited may not any more
	}
	if inv.Principal != "" {
		if err := s.mayImpersonate(by, principal); err != nil { // it may do more now than when it was invited
			return err
		}
		return add(ctx, d, s.identities.principals, entity, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			return p.SetCredential(g.Credential, s.now())
		})
	}
	name := inv.Name
	if name == "" {
		name = g.Name
	}
	if err := s.createWith(ctx, d, inv.Tenant, principal, NewPrincipal{Kind: inv.Kind, Name: name, Owner: inv.Owner}, g.Credential); err != nil {
		return err
	}
	if len(inv.Roles) == 0 {
		return nil
	}
	issuer := s.rights(by)
	return add(ctx, d, s.identities.tenants, tenantEntity(inv.Tenant), func(t identity.Tenant) ([]identity.TenantEvent, error) {
		var all []identity.TenantEvent
		for _, role := range inv.Roles {
			events, err := t.GrantRole(identity.Grant{Principal: principal, Role: role}, noEnd, s.now(), issuer)
			if err != nil {
				return nil, err
			}
			all = append(all, events...)
		}
		return all, nil
	})
}

// homeOf returns the tenant of whoever issued an invitation: a super admin of
// the default tenant, if it is none of the invitation's own.
func (s *Service) homeOf(inv identity.InvitationOf) string {
	if _, ok := s.directory.Principal(identity.Ref{Tenant: inv.Tenant, ID: inv.IssuedBy}); ok {
		return inv.Tenant
	}
	return domain.DefaultTenant
}
