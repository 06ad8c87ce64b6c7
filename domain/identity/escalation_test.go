package identity_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// people is one tenant in which everybody tries to get further.
type people struct {
	*world
	tenant string
	all    []string // principals
	minute int
}

func (p *people) held() map[string]identity.Rights {
	held := map[string]identity.Rights{}
	for _, id := range p.all {
		held[id] = p.RightsOf(of(p.tenant, id), instant(p.minute))
	}
	return held
}

func (p *people) holders(role string) int {
	n := 0
	for _, id := range p.all {
		if slices.Contains(p.Roles(identity.Ref{Tenant: p.tenant, ID: id}, instant(p.minute)), role) {
			n++
		}
	}
	return n
}

// step lets somebody with rights change who may do what.
func (p *people) step(r *rapid.T, by identity.Rights) []identity.TenantEvent {
	roles := []string{"r1", "r2", "r3"}
	for _, b := range identity.BuiltinRoles() {
		roles = append(roles, b.Name)
	}
	role, who := rapid.SampledFrom(roles).Draw(r, "role"), rapid.SampledFrom(p.all).Draw(r, "who")
	now := instant(p.minute)
	t, _ := p.Tenant(p.tenant)
	var events []identity.TenantEvent
	var err error
	switch rapid.SampledFrom([]string{"define", "define", "grant", "grant", "grant", "revoke", "remove", "strip"}).Draw(r, "step") {
	case "define":
		patterns := append(names(identity.Actions()), "*", "task.*", "tenant.*", "projection.*", "key.*", "role.*", "agent.*", "system.*")
		permissions := rapid.SliceOfN(rapid.SampledFrom(patterns), 1, 4).Draw(r, "permissions")
		events, err = t.DefineRole(identity.Role{Name: role, Permissions: permissions}, by)
	case "grant":
		var ends time.Time
		if rapid.Bool().Draw(r, "ends") {
			ends = now.Add(time.Duration(rapid.IntRange(1, 9).Draw(r, "minutes")) * time.Minute)
		}
		events, err = t.GrantRole(grant(who, role), ends, now, by)
	case "revoke":
		events, err = t.RevokeRole(grant(who, role), "", now, by)
	case "remove":
		events, err = t.RemoveRole(role, by)
	case "strip":
		events, err = t.Strip(who, "", now, by)
	}
	if err != nil && len(events) > 0 {
		r.Fatalf("refused and done: %v, %v", err, events)
	}
	return events
}

// Whatever people decide with the rights that they have, nobody gets a right
// that the one who decides lacks, and nobody gets one as time passes; and the
// last of those who run the mesh or the tenant stays.
func TestNobodyGainsMoreThanTheDeciderHas(t *testing.T) {
	t.Parallel()
	for tenant, top := range map[string]string{domain.DefaultTenant: identity.RoleSuperAdmin, "acme": identity.RoleTenantAdmin} {
		t.Run(tenant, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				p := &people{world: newWorld(t), tenant: tenant, all: []string{"top", "admin", "manager", "new", "bot"}}
				p.person(tenant, "top", domain.Human, top)
				p.person(tenant, "admin", domain.Human, identity.RoleTenantAdmin)
				p.person(tenant, "manager", domain.Human, identity.RolePilotManager)
				p.person(tenant, "new", domain.Human)
				p.person(tenant, "bot", domain.Agent)
				for range rapid.IntRange(1, 15).Draw(r, "steps") {
					p.checkStep(r, top)
				}
			})
		})
	}
}

func (p *people) checkStep(r *rapid.T, top string) {
	before := p.held()
	by := identity.Rights{}
	if p.minute < 59 && rapid.IntRange(0, 4).Draw(r, "time") == 0 {
		p.minute++
	} else {
		decider := rapid.SampledFrom(p.all).Draw(r, "decider")
		by = before[decider]
		tops := p.holders(top)
		p.tenantEvents(p.step(r, by))
		if tops > 0 && p.holders(top) == 0 {
			r.Fatalf("%s took the last %s", decider, top)
		}
	}
	for id, now := range p.held() {
		for action := range now {
			if !before[id][action] && !by[action] {
				r.Fatalf("%s got %s from somebody who has %v", id, action, by)
			}
		}
	}
}

func (p *people) tenantEvents(events []identity.TenantEvent) { p.world.tenant(p.tenant, events...) }
