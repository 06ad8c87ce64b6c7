package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/name"
	"github.com/hivemesh/hivemesh/eventstore"
)

// NewPrincipal is a principal to be made.
type NewPrincipal struct {
	Kind  domain.ActorKind
	Name  string // unique among the principals of the tenant
	Owner string // principal that answers for an agent or a service; empty = the actor
}

// CreatePrincipal makes a principal of the actor's tenant. It can do nothing
// until it is given a role, and a way in. Result.ID is its id.
func (s *Service) CreatePrincipal(ctx context.Context, by domain.Actor, m Meta, p NewPrincipal) (Result, error) {
	id := newID()
	if m.Key != "" {
		id = keyedID(by.Tenant, by.ID, "principal.create", m.Key)
	}
	if p.Owner == "" && p.Kind != domain.Human {
		p.Owner = by.ID
	}
	return s.changeIdentity(ctx, by, "principal.create", m, identity.Resource{Kind: "principal"}, func(d *draft) (string, error) {
		if _, ok := s.directory.Principal(identity.Ref{Tenant: by.Tenant, ID: p.Owner}); !ok && p.Owner != by.ID && p.Owner != "" {
			return "", domain.InvalidField("owner", "%.64q is no principal of the tenant", p.Owner)
		}
		return id, s.create(ctx, d, by.Tenant, id, p)
	})
}

// create adds a principal and the reservation of its name to a draft.
func (s *Service) create(ctx context.Context, d *draft, tenant, id string, p NewPrincipal) error {
	err := add(ctx, d, s.identities.principals, identityEntity(tenant, id), func(state identity.Principal) ([]identity.PrincipalEvent, error) {
		return state.Create(p.Kind, p.Name, p.Owner)
	})
	if err != nil {
		return err
	}
	reservation := eventstore.Entity{Tenant: tenant, Kind: kindName, ID: s.nameID(tenant, "principal", p.Name)}
	st, err := s.names.Reload(ctx, reservation)
	if err != nil {
		return fmt.Errorf("look up the name: %w", err)
	}
	events, err := st.State.Hold(id)
	if err != nil {
		return err
	}
	encoded, err := encode(name.Schema, events)
	if len(encoded) > 0 { // first, so that the last sequence is one that the directory reads
		d.parts = append([]part{{entity: reservation, seq: st.Seq, events: encoded}}, d.parts...)
	}
	return err
}

// SuspendPrincipal stops a principal of the actor's tenant at once. A role of
// administration that it holds is taken; the last admin cannot be suspended.
func (s *Service) SuspendPrincipal(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.changeIdentity(ctx, by, "principal.suspend", m, aboutPrincipal(id), func(d *draft) (string, error) {
		err := add(ctx, d, s.identities.tenants, tenantEntity(by.Tenant), func(t identity.Tenant) ([]identity.TenantEvent, error) {
			return t.Strip(id, reason, s.now(), s.rights(by))
		})
		if err != nil {
			return id, err
		}
		return id, s.decidePrincipal(ctx, d, by.Tenant, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			return p.Suspend(reason)
		})
	})
}

// ResumePrincipal ends the suspension of a principal.
func (s *Service) ResumePrincipal(ctx context.Context, by domain.Actor, m Meta, id string) (Result, error) {
	return s.changePrincipal(ctx, by, "principal.resume", m, id, identity.Principal.Resume)
}

// SetTeams puts a principal of the actor's tenant into teams, and out of all
// others: it then recalls what the teams remember.
func (s *Service) SetTeams(ctx context.Context, by domain.Actor, m Meta, id string, teams []string) (Result, error) {
	return s.changePrincipal(ctx, by, "principal.group", m, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.SetTeams(teams)
	})
}

// RevokeTokens ends every session and token of a principal. Everybody may end
// their own.
func (s *Service) RevokeTokens(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.changePrincipal(ctx, by, ownOr(by, id, "session.end"), m, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.RevokeTokens(reason)
	})
}

// RevokeToken ends one access token of a principal, which would expire at
// expires. Everybody may revoke their own.
func (s *Service) RevokeToken(ctx context.Context, by domain.Actor, m Meta, id, token string, expires time.Time) (Result, error) {
	return s.changePrincipal(ctx, by, ownOr(by, id, "session.end"), m, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		return p.RevokeToken(token, expires)
	})
}

// SetCredential gives a principal a way in, or changes it. Everybody may set
// their own; those of others only within one's own rights.
func (s *Service) SetCredential(ctx context.Context, by domain.Actor, m Meta, id string, c identity.Credential) (Result, error) {
	return s.changePrincipal(ctx, by, ownOr(by, id, "credential.manage"), m, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		if err := s.mayImpersonate(by, id); err != nil {
			return nil, err
		}
		return p.SetCredential(c, s.now())
	})
}

// RemoveCredential takes a way in from a principal, and with an account the
// roles that came from it, but for those that nobody else holds. Everybody may
// remove their own; those of others only within one's own rights.
func (s *Service) RemoveCredential(ctx context.Context, by domain.Actor, m Meta, id, credential, reason string) (Result, error) {
	return s.changeIdentity(ctx, by, ownOr(by, id, "credential.manage"), m, aboutPrincipal(id), func(d *draft) (string, error) {
		err := s.decidePrincipal(ctx, d, by.Tenant, id, func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			if err := s.mayImpersonate(by, id); err != nil {
				return nil, err
			}
			return p.RemoveCredential(credential, reason)
		})
		if err != nil {
			return id, err
		}
		return id, add(ctx, d, s.identities.tenants, tenantEntity(by.Tenant), func(t identity.Tenant) ([]identity.TenantEvent, error) {
			events, _, err := t.Provide(id, credential, nil, s.now())
			return events, err
		})
	})
}

// mayImpersonate refuses to make a way in to a principal that may do more than
// the actor, or to take one: whoever sets a credential can act as its bearer,
// and whoever takes the last one shuts its bearer out.
func (s *Service) mayImpersonate(by domain.Actor, id string) error {
	if by.ID == id {
		return nil
	}
	other := domain.Actor{Tenant: by.Tenant, ID: id}
	mine := s.rights(by)
	for action := range s.rights(other) {
		if !mine[action] {
			return identity.ErrEscalation
		}
	}
	return s.mayRecall(by, other, mine)
}

// mayRecall refuses an actor who does not recall what another principal recalls
// for the teams that it is in, and may not join them either.
func (s *Service) mayRecall(by, other domain.Actor, mine identity.Rights) error {
	if mine["memory.read_all"] || mine["principal.group"] || !s.rights(other)["memory.read"] {
		return nil
	}
	var own []string
	if by.Home == "" || by.Home == by.Tenant {
		own = s.directory.Teams(by.Tenant, by.ID)
	}
	for _, team := range s.directory.Teams(other.Tenant, other.ID) {
		if !slices.Contains(own, team) {
			return identity.ErrEscalation
		}
	}
	return nil
}

func (s *Service) changePrincipal(ctx context.Context, by domain.Actor, command string, m Meta, id string, decide func(identity.Principal) ([]identity.PrincipalEvent, error)) (Result, error) {
	return s.changeIdentity(ctx, by, command, m, aboutPrincipal(id), func(d *draft) (string, error) {
		return id, s.decidePrincipal(ctx, d, by.Tenant, id, decide)
	})
}

func (s *Service) decidePrincipal(ctx context.Context, d *draft, tenant, id string, decide func(identity.Principal) ([]identity.PrincipalEvent, error)) error {
	if _, err := entity(tenant, identity.EntityKind, "principal", id); err != nil {
		return err
	}
	return add(ctx, d, s.identities.principals, identityEntity(tenant, id), decide)
}

func aboutPrincipal(id string) identity.Resource { return identity.Resource{Kind: "principal", ID: id} }

// ownOr names the action of a command that everybody may do to themselves.
func ownOr(by domain.Actor, id, action string) string {
	if by.ID == id {
		return identity.ActionOwn
	}
	return action
}
