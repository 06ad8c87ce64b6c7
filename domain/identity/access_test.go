package identity_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// populated is a world with people of each sort.
func populated(t *testing.T) *world {
	t.Helper()
	d := newWorld(t)
	d.person(domain.DefaultTenant, "root", domain.Human, identity.RoleSuperAdmin)
	d.person(domain.DefaultTenant, "lord", domain.Human, identity.RoleTenantAdmin)
	d.person("acme", "admin", domain.Human, identity.RoleTenantAdmin)
	d.person("acme", "dev", domain.Human, identity.RoleDeveloper)
	d.person("acme", "nobody", domain.Human)
	d.person("acme", "gone", domain.Human, identity.RoleTenantAdmin)
	d.apply("acme", "gone", identity.PrincipalSuspended{})
	d.person("acme", "bot", domain.Agent)
	d.person("acme", "spokes", domain.Service, "speaker")
	d.person("acme", "guest", domain.Human)
	d.person("acme", "false-root", domain.Human, identity.RoleSuperAdmin)
	d.tenant("acme", granted("guest", identity.RoleViewer, instant(20)), defined("speaker", "agent.represent", "task.*"))
	d.person("beta", "late", domain.Human, identity.RoleTenantAdmin)
	d.tenant("beta", identity.TenantSuspended{})
	return d
}

func of(tenant, id string) domain.Actor {
	return domain.Actor{Tenant: tenant, ID: id, Kind: domain.Human}
}

func abroad(tenant, home, id string) domain.Actor {
	return domain.Actor{Tenant: tenant, Home: home, ID: id, Kind: domain.Human}
}

func scoped(by domain.Actor, scopes ...string) domain.Actor {
	by.Scopes = scopes
	return by
}

func acting(by domain.Actor, person string) domain.Actor {
	by.For = person
	return by
}

type accessCase struct {
	name   string
	by     domain.Actor
	action string
	about  identity.Resource
	role   string // that permits it; empty = denied
	reason string // of the denial
}

func runAccess(t *testing.T, d *world, minute int, cases []accessCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := d.Decide(tt.by, tt.action, tt.about, instant(minute))
			want := identity.Decision{Allowed: tt.role != "", Role: tt.role, Reason: tt.reason}
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

const (
	unknown = "the principal is not known"
	noRole  = "no role is held here"
)

func TestWhoMayAct(t *testing.T) {
	t.Parallel()
	d := populated(t)
	lord, super, dev := identity.RoleTenantAdmin, identity.RoleSuperAdmin, of("acme", "dev")
	runAccess(t, d, 2, []accessCase{
		{"by a role", of("acme", "admin"), "role.grant", identity.Resource{}, lord, ""},
		{"by no role", of("acme", "nobody"), "task.read", identity.Resource{}, "", noRole},
		{"by too little a role", dev, "role.grant", identity.Resource{}, "", "developer permits no role.grant"},
		{"an action that is none", of(domain.DefaultTenant, "root"), "task.raed", identity.Resource{}, "", "super-admin permits no task.raed"},
		{"unknown", of("acme", "x"), "task.read", identity.Resource{}, "", unknown},
		{"of another tenant by the same id", of("beta", "dev"), "task.read", identity.Resource{}, "", unknown},
		{"without id", domain.Actor{Tenant: "acme"}, identity.ActionKnown, identity.Resource{}, "", unknown},
		{"suspended", of("acme", "gone"), "task.read", identity.Resource{}, "", "the principal is suspended"},
		{"in a suspended tenant", of("beta", "late"), "task.read", identity.Resource{}, "", "the tenant is suspended"},
		{"abroad from a suspended tenant", abroad("acme", "beta", "late"), "task.read", identity.Resource{}, "", noRole},
		{"a super admin abroad", abroad("acme", domain.DefaultTenant, "root"), "role.grant", identity.Resource{}, super, ""},
		{"a super admin in a suspended tenant", abroad("beta", domain.DefaultTenant, "root"), "role.grant", identity.Resource{}, "", "the tenant is suspended"},
		{"a super admin in no tenant", abroad("gamma", domain.DefaultTenant, "root"), "role.grant", identity.Resource{}, "", "there is no such tenant"},
		{"a tenant-admin of the mesh abroad", abroad("acme", domain.DefaultTenant, "lord"), "task.read", identity.Resource{}, "", noRole},
		{"a tenant-admin of the mesh mesh-wide", of(domain.DefaultTenant, "lord"), "tenant.create", identity.Resource{}, "", "tenant-admin permits no tenant.create"},
		{"a tenant-admin in the default tenant", abroad(domain.DefaultTenant, "acme", "admin"), "task.read", identity.Resource{}, "", noRole},
		{"a super admin that is of another tenant, abroad", abroad(domain.DefaultTenant, "acme", "false-root"), "task.read", identity.Resource{}, "", noRole},
		{"a super admin that is of another tenant, mesh-wide", of("acme", "false-root"), "tenant.create", identity.Resource{}, "", "super-admin permits no tenant.create"},
		{"one's own", of("acme", "nobody"), identity.ActionOwn, identity.Resource{}, "oneself", ""},
		{"one's own by an agent", of("acme", "bot"), identity.ActionOwn, identity.Resource{}, "oneself", ""},
		{"one's own with a limited credential", scoped(dev, "*"), identity.ActionOwn, identity.Resource{}, "", "the credential is limited to *"},
		{"one's own while acting for somebody", acting(of("acme", "bot"), "dev"), identity.ActionOwn, identity.Resource{}, "", "an agent that acts for somebody does not manage credentials"},
		{"one's own while suspended", of("acme", "gone"), identity.ActionOwn, identity.Resource{}, "", "the principal is suspended"},
		{"who one is", of("acme", "nobody"), identity.ActionKnown, identity.Resource{}, "anybody", ""},
		{"who one is with a limited credential", scoped(dev, "task.read"), identity.ActionKnown, identity.Resource{}, "anybody", ""},
		{"who one is while suspended", of("acme", "gone"), identity.ActionKnown, identity.Resource{}, "", "the principal is suspended"},
		{"the mesh's own work", domain.Actor{Tenant: "acme", Kind: domain.System}, "task.assign", identity.Resource{}, "system", ""},
		{"not the mesh's own work", domain.Actor{Tenant: "acme", Kind: domain.System}, "role.grant", identity.Resource{}, "", "role.grant is not the mesh's own work"},
	})
}

func TestGrantsEndByThemselves(t *testing.T) {
	t.Parallel()
	d := populated(t)
	ref := identity.Ref{Tenant: "acme", ID: "guest"}
	runAccess(t, d, 19, []accessCase{{"before", of("acme", "guest"), "task.read", identity.Resource{}, identity.RoleViewer, ""}})
	runAccess(t, d, 20, []accessCase{{"at the end", of("acme", "guest"), "task.read", identity.Resource{}, "", noRole}})
	if now, then := d.Roles(ref, instant(19)), d.Roles(ref, instant(20)); len(now) != 1 || len(then) != 0 {
		t.Errorf("roles before the end %v, at the end %v", now, then)
	}
}

func TestScopesAndDelegation(t *testing.T) {
	t.Parallel()
	d := populated(t)
	admin, bot := of("acme", "admin"), of("acme", "bot")
	limited := func(to string) string { return "the credential is limited to " + to }
	d.person("acme", "helper", domain.Agent, identity.RoleTenantAdmin)
	helper := of("acme", "helper")
	runAccess(t, d, 2, []accessCase{
		{"within a scope", scoped(admin, "task.read"), "task.read", identity.Resource{}, identity.RoleTenantAdmin, ""},
		{"within a pattern", scoped(admin, "task.*"), "task.read", identity.Resource{}, identity.RoleTenantAdmin, ""},
		{"outside a pattern", scoped(admin, "task.*", "agent.read"), "role.grant", identity.Resource{}, "", limited("task.*, agent.read")},
		{"a scope is not a prefix", scoped(admin, "task.read"), "task.read_own", identity.Resource{}, "", limited("task.read")},
		{"a scope gives nothing", scoped(of("acme", "nobody"), "*"), "task.read", identity.Resource{}, "", noRole},
		{"for a person: both may", acting(bot, "dev"), "task.start", identity.Resource{}, identity.RoleAgent, ""},
		{"for a person: only the agent may", acting(bot, "nobody"), "task.start", identity.Resource{}, "", "for the person: " + noRole},
		{"for a person: only the person may", acting(bot, "dev"), "task.submit", identity.Resource{}, "", "agent permits no task.submit"},
		{"for a person that may less", acting(helper, "dev"), "role.grant", identity.Resource{}, "", "for the person: developer permits no role.grant"},
		{"for a person that may, too", acting(helper, "dev"), "task.submit", identity.Resource{}, identity.RoleTenantAdmin, ""},
		{"for a suspended person", acting(helper, "gone"), "task.read", identity.Resource{}, "", "for the person: the principal is suspended"},
		{"for nobody known", acting(helper, "x"), "task.read", identity.Resource{}, "", "for the person: " + unknown},
		{"for a person, out of scope", scoped(acting(helper, "dev"), "task.read"), "task.submit", identity.Resource{}, "", limited("task.read")},
	})
	got := d.RightsOf(scoped(acting(helper, "dev"), "task.*", "role.grant"), instant(2))
	if !got["task.submit"] || got["role.grant"] || got["agent.read"] {
		t.Errorf("the rights of a delegation are not what both and the scopes permit: %v", got)
	}
}

func TestActingAsAnAgent(t *testing.T) {
	t.Parallel()
	d := populated(t)
	d.person("acme", "helper", domain.Agent, "speaker")
	d.person("acme", "oper", domain.Human, identity.RoleOperator)
	its := identity.Resource{Kind: "agent", ID: "bot", Owner: "dev"}
	other := identity.Resource{Kind: "agent", ID: "other-bot", Owner: "somebody"}
	spokes, helper := of("acme", "spokes"), of("acme", "helper")
	var cases []accessCase
	for _, action := range []string{"agent.register", "agent.leave", "agent.sleep", "agent.wake", "task.start", "task.progress", "task.complete", "task.fail", "task.return"} {
		cases = append(cases,
			accessCase{action + " itself", of("acme", "bot"), action, its, identity.RoleAgent, ""},
			accessCase{action + " by its owner", of("acme", "dev"), action, its, identity.RoleDeveloper, ""},
			accessCase{action + " by another agent", of("acme", "bot"), action, other, "", "the agent is another's"},
			accessCase{action + " by another developer", of("acme", "dev"), action, other, "", "the agent is another's"},
		)
	}
	const complete, another = "task.complete", "the agent is another's"
	runAccess(t, d, 2, append(cases,
		accessCase{"for others", spokes, complete, other, "speaker", ""},
		accessCase{"for others within scopes", scoped(spokes, "task.*", "agent.represent"), complete, other, "speaker", ""},
		accessCase{"for others out of scope", scoped(spokes, "task.*"), complete, other, "", another},
		accessCase{"for others in the name of who may", acting(helper, "spokes"), complete, other, "speaker", ""},
		accessCase{"for others in the name of who may not", acting(helper, "dev"), complete, other, "", another},
		accessCase{"as its owner's agent", acting(of("acme", "helper"), "dev"), complete, its, "", another},
		accessCase{"who steers puts to sleep", of("acme", "admin"), "agent.sleep", other, identity.RoleTenantAdmin, ""},
		accessCase{"who steers wakes", of("acme", "oper"), "agent.wake", other, identity.RoleOperator, ""},
		accessCase{"steering is no acting", of("acme", "admin"), "agent.drain", other, identity.RoleTenantAdmin, ""},
	))
}

func TestCustomRoles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, tenant string
		permissions  []string
		gives, lacks []string
	}{
		{"one action", "acme", []string{"task.read"}, []string{"task.read"}, []string{"task.read_own", "task.submit"}},
		{"a pattern", "acme", []string{"task.*"}, []string{"task.read", "task.cancel"}, []string{"agent.read", "key.rotate", "tenant.read"}},
		{"everything in a tenant", "acme", []string{"*"}, []string{"role.grant"}, []string{"key.rotate", "projection.skip", "system.metrics", "tenant.create"}},
		{"mesh-wide in a tenant", "acme", []string{"tenant.*", "key.rotate"}, nil, []string{"key.rotate", "tenant.create"}},
		{"tasks of the mesh", domain.DefaultTenant, []string{"task.*"}, []string{"task.read"}, []string{"key.rotate", "projection.read", "tenant.create"}},
		{"mesh-wide in the mesh", domain.DefaultTenant, []string{"projection.*"}, []string{"projection.skip"}, []string{"tenant.create"}},
		{"everything in the mesh", domain.DefaultTenant, []string{"*"}, []string{"tenant.create"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newWorld(t)
			d.person(tt.tenant, "a", domain.Human, "r")
			d.tenant(tt.tenant, defined("r", tt.permissions...))
			got := d.RightsOf(of(tt.tenant, "a"), instant(2))
			if missing := slices.DeleteFunc(tt.gives, func(a string) bool { return got[a] }); len(missing) > 0 {
				t.Errorf("does not give %v", missing)
			}
			for _, a := range tt.lacks {
				if got[a] {
					t.Errorf("gives %s", a)
				}
			}
			d.tenant(tt.tenant, defined("r", "agent.read"))
			if got := d.RightsOf(of(tt.tenant, "a"), instant(2)); fmt.Sprint(got) != "map[agent.read:true]" {
				t.Errorf("after it was defined anew: %v", got)
			}
			d.tenant(tt.tenant, identity.RoleRemoved{Role: "r"}, defined("r", tt.permissions...))
			if got := d.RightsOf(of(tt.tenant, "a"), instant(2)); len(got) > 0 {
				t.Errorf("after it was removed and another got its name: %v", got)
			}
			if got := d.RightsOf(abroad("beta", tt.tenant, "a"), instant(2)); len(got) > 0 {
				t.Errorf("abroad: %v", got)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scopes, limits []string
		want           bool
	}{
		{nil, nil, true},
		{[]string{"*"}, nil, true},
		{nil, []string{"*"}, false},
		{[]string{"task.read"}, []string{"task.*"}, true},
		{[]string{"task.*"}, []string{"task.read"}, false},
		{[]string{"task.*"}, []string{"*"}, true},
		{[]string{"*"}, []string{"task.*", "agent.*"}, false},
		{[]string{"tenant.create"}, []string{"task.*"}, false},
		{[]string{"task.read", "agent.read"}, []string{"task.*", "agent.read"}, true},
	} {
		if got := identity.Within(tt.scopes, tt.limits); got != tt.want {
			t.Errorf("%v within %v: %t", tt.scopes, tt.limits, got)
		}
	}
}
