package projections_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func pick[T any](t *rapid.T, what string, of ...T) T { return rapid.SampledFrom(of).Draw(t, what) }

// step has somebody, mostly root, do something on one of the nodes. Many are
// refused, which is as good: nothing may have changed then.
func (h *rights) step(t *rapid.T) {
	tenant := pick(t, "tenant", h.tenants...)
	by := h.n.root
	by.Tenant = tenant
	if len(h.members) < 3 {
		h.create(t, by)
		return
	}
	if rapid.IntRange(0, 3).Draw(t, "by") == 0 {
		m := pick(t, "actor", h.members...)
		by = domain.Actor{Tenant: m.Tenant, ID: m.ID, Kind: m.kind}
	}
	switch rapid.IntRange(0, 15).Draw(t, "do") {
	case 0:
		h.create(t, by)
	case 1:
		h.changeTenant(t, by)
	case 2, 3:
		h.changePrincipal(t, by)
	case 4:
		h.changeKey(t, by)
	case 5, 6, 7:
		h.changeSession(t, by)
	case 8, 9, 10, 11, 12, 13, 14:
		h.changeRights(t, by)
	default:
		h.n.clock.leap(pick(t, "leap", time.Second, 20*time.Minute))
	}
}

// service is that of one of the two nodes.
func (h *rights) service(t *rapid.T) *commands.Service {
	return h.n.both[rapid.IntRange(0, 1).Draw(t, "node")].commands
}

func (h *rights) create(t *rapid.T, by domain.Actor) {
	kind := pick(t, "kind", domain.Human, domain.Agent, domain.Service)
	res, err := h.service(t).CreatePrincipal(t.Context(), by, commands.Meta{}, commands.NewPrincipal{
		Kind: kind, Name: fmt.Sprintf("%s-%d", by.Tenant, h.n.clock.now().UnixMilli()),
	})
	if h.must(t, err) {
		h.members = append(h.members, member{identity.Ref{Tenant: by.Tenant, ID: res.ID}, kind})
	}
}

// target is a member, mostly one of the actor's tenant.
func (h *rights) target(t *rapid.T, by domain.Actor) member {
	var here []member
	for _, m := range h.members {
		if m.Tenant == by.Tenant {
			here = append(here, m)
		}
	}
	if len(here) == 0 {
		here = h.members
	}
	return pick(t, "whom", here...)
}

func (h *rights) changeRights(t *rapid.T, by domain.Actor) {
	s, m := h.service(t), h.target(t, by)
	custom := h.role
	grant := identity.Grant{Principal: m.ID, Role: pick(t, "grant", custom, custom, custom, custom, identity.RoleSuperAdmin, identity.RoleTenantAdmin,
		identity.RolePilotManager, identity.RoleOperator, identity.RoleDeveloper, identity.RoleAuditor)}
	var err error
	switch rapid.IntRange(0, 9).Draw(t, "right") {
	case 0, 1:
		permissions := rapid.SliceOfN(rapid.SampledFrom([]string{"*", "task.*", "projection.*", "role.grant", "principal.suspend", "agent.represent"}), 1, 3).Draw(t, "permissions")
		_, err = s.DefineRole(t.Context(), by, commands.Meta{}, identity.Role{Name: custom, Permissions: permissions})
	case 2:
		_, err = s.RemoveRole(t.Context(), by, commands.Meta{}, custom)
	case 3:
		_, err = s.RevokeRole(t.Context(), by, commands.Meta{}, grant, "")
	default:
		ends := pick(t, "ends", time.Time{}, h.n.clock.now().Add(30*time.Minute))
		_, err = s.GrantRole(t.Context(), by, commands.Meta{}, grant, ends)
	}
	h.must(t, err)
}

func (h *rights) changeTenant(t *rapid.T, by domain.Actor) {
	s := h.service(t)
	var err error
	if rapid.Bool().Draw(t, "resume") {
		_, err = s.ResumeTenant(t.Context(), by, commands.Meta{}, by.Tenant)
	} else {
		_, err = s.SuspendTenant(t.Context(), by, commands.Meta{}, by.Tenant, "unpaid")
	}
	h.must(t, err)
}

func (h *rights) changePrincipal(t *rapid.T, by domain.Actor) {
	s, m := h.service(t), h.target(t, by)
	var err error
	switch rapid.IntRange(0, 3).Draw(t, "change") {
	case 0:
		_, err = s.SuspendPrincipal(t.Context(), by, commands.Meta{}, m.ID, "left")
	case 1, 2:
		_, err = s.ResumePrincipal(t.Context(), by, commands.Meta{}, m.ID)
	default:
		_, err = s.RevokeTokens(t.Context(), by, commands.Meta{}, m.ID, "lost")
	}
	h.must(t, err)
}

func (h *rights) changeKey(t *rapid.T, by domain.Actor) {
	s, m := h.service(t), h.target(t, by)
	id := m.ID + pick(t, "key", "/k1", "/k2")
	if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
		_, err := s.RemoveCredential(t.Context(), by, commands.Meta{}, m.ID, id, "")
		h.must(t, err)
		return
	}
	c := apiKey(id)
	c.Scopes = pick(t, "scopes", nil, []string{"task.*"})
	if rapid.Bool().Draw(t, "expires") {
		c.ExpiresAt = h.n.clock.now().Add(30 * time.Minute)
	}
	_, err := s.SetCredential(t.Context(), by, commands.Meta{}, m.ID, c)
	if h.must(t, err) {
		h.keys = append(h.keys, id)
	}
}

func (h *rights) changeSession(t *rapid.T, by domain.Actor) {
	s := h.service(t)
	switch what := rapid.IntRange(0, 4).Draw(t, "session"); {
	case what < 3 || len(h.sessions) == 0:
		m, id := pick(t, "who", h.members...), newSession()
		by := domain.Actor{Tenant: m.Tenant, ID: m.ID, Kind: m.kind}
		_, err := s.StartSession(t.Context(), by, commands.Meta{}, id, identity.SessionStarted{
			Principal: m.ID, Client: "mesh-cli", Verifier: "first", ExpiresAt: h.n.clock.now().Add(pick(t, "length", 15*time.Minute, 24*time.Hour)),
		})
		if h.must(t, err) {
			h.sessions = append(h.sessions, identity.Ref{Tenant: m.Tenant, ID: id})
		}
	case what == 3:
		by.Tenant = pick(t, "of", h.sessions...).Tenant
		_, err := s.EndSession(t.Context(), by, commands.Meta{}, pick(t, "which", h.sessions...).ID, "")
		h.must(t, err)
	default:
		at := pick(t, "which", h.sessions...)
		by := h.n.root
		by.Tenant = at.Tenant
		_, err := s.RefreshSession(t.Context(), by, commands.Meta{}, at.ID, pick(t, "token", "first", "second"), "second", "")
		h.must(t, err)
	}
}
