package policy_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// world is a directory with people in the tenant acme, read from no log.
type world struct {
	*identity.Directory
	engine *policy.Engine
	seq    uint64
}

func newWorld() *world {
	w := &world{Directory: identity.NewDirectory()}
	w.engine = policy.New(w.Directory)
	for _, tenant := range []string{"acme", "other", domain.DefaultTenant} {
		w.apply(tenant, "tenant", identity.TenantCreated{Name: tenant})
	}
	w.person("root", domain.DefaultTenant, domain.Service, identity.RoleSuperAdmin)
	w.person("boss", "acme", domain.Human, identity.RoleTenantAdmin)
	w.person("dev", "acme", domain.Human, identity.RoleDeveloper)
	w.person("viewer", "acme", domain.Human, identity.RoleViewer)
	w.person("nobody", "acme", domain.Human)
	w.person("gone", "acme", domain.Human, identity.RoleDeveloper)
	w.apply("acme", "gone", identity.PrincipalSuspended{})
	w.person("ci", "acme", domain.Service, identity.RoleDeveloper)
	w.person("bot", "acme", domain.Agent)
	return w
}

func (w *world) apply(tenant, id string, e identity.Event) {
	w.seq++
	w.Apply(tenant, id, w.seq, e, time.Unix(1, 0))
}

func (w *world) person(id, tenant string, kind domain.ActorKind, roles ...string) {
	w.apply(tenant, id, identity.PrincipalCreated{Kind: kind, Name: id, Owner: "boss"})
	for _, r := range roles {
		w.apply(tenant, "tenant", identity.RoleGranted{Grant: identity.Grant{Principal: id, Role: r}})
	}
}

func (w *world) set(tenant, name, text string) {
	t, _ := w.Tenant(tenant)
	w.apply(tenant, "tenant", identity.PolicySet{Name: name, Version: t.Revision + 1, Text: text})
}

func (w *world) remove(tenant, name string) {
	w.apply(tenant, "tenant", identity.PolicyRemoved{Name: name})
}

func (w *world) actor(id string) domain.Actor {
	p, _ := w.Principal(identity.Ref{Tenant: "acme", ID: id})
	return domain.Actor{Tenant: "acme", ID: id, Kind: p.Kind}
}

// decide asks as commands do.
func (w *world) decide(by domain.Actor, action string, about identity.Resource) identity.Decision {
	return w.engine.Decide(by, action, about, w.roles(by, action, about))
}

// roles decides by roles alone.
func (w *world) roles(by domain.Actor, action string, about identity.Resource) identity.Decision {
	return w.Decide(by, action, about, time.Now())
}

// task is a task as commands describe it.
func task(queue string, labels map[string]string) identity.Resource {
	return identity.Resource{Kind: "task", ID: "t1", Attributes: func() map[string]any {
		return map[string]any{"queue": queue, "priority": 5, "capabilities": []string{"gpu"}, "labels": labels}
	}}
}

const (
	forbidAll = `forbid (principal, action, resource);`
	permitAll = `permit (principal, action, resource);`
)

func TestDecide(t *testing.T) {
	t.Parallel()
	root := domain.Actor{Tenant: "acme", Home: domain.DefaultTenant, ID: "root", Kind: domain.Service}
	actor := func(id string, kind domain.ActorKind) domain.Actor {
		return domain.Actor{Tenant: "acme", ID: id, Kind: kind}
	}
	limited, delegated := actor("dev", domain.Human), actor("bot", domain.Agent)
	limited.Scopes, delegated.For = []string{"task.read"}, "viewer"
	agent := func(id, owner string) identity.Resource {
		return identity.Resource{Kind: "agent", ID: id, Owner: owner}
	}
	cases := map[string]struct {
		by      domain.Actor
		action  string
		about   identity.Resource
		text    string
		allowed bool
		reason  string
	}{
		"a forbid beats the role":                      {actor("dev", domain.Human), "task.submit", task("deploy", nil), `forbid (principal, action == Action::"task.submit", resource) when { resource.queue == "deploy" };`, false, `policy "p" forbids it (developer permits it)`},
		"a forbid that does not apply":                 {actor("dev", domain.Human), "task.submit", task("build", nil), `forbid (principal, action == Action::"task.submit", resource) when { resource.queue == "deploy" };`, true, ""},
		"a forbid beats a permit":                      {actor("nobody", domain.Human), "task.submit", task("q", nil), permitAll + forbidAll, false, `policy "p" forbids it`},
		"a permit gives what no role does":             {actor("nobody", domain.Human), "task.submit", task("q", nil), `permit (principal, action in Action::"task.*", resource is Task);`, true, `policy "p" permits it`},
		"a permit by role":                             {actor("viewer", domain.Human), "task.cancel", task("q", nil), `permit (principal in Role::"viewer", action == Action::"task.cancel", resource);`, true, `policy "p" permits it`},
		"a permit of another kind of principal":        {actor("nobody", domain.Human), "task.submit", task("q", nil), `permit (principal is Mesh::Service, action, resource);`, false, "no role is held here"},
		"a permit never gives administration":          {actor("dev", domain.Human), "role.grant", identity.Resource{}, permitAll, false, `developer permits no role.grant; policy "p" permits it in vain: role.grant is given by roles alone`},
		"a permit never gives what is mesh-wide":       {actor("boss", domain.Human), "tenant.create", identity.Resource{}, permitAll, false, `tenant-admin permits no tenant.create; policy "p" permits it in vain: tenant.create is given by roles alone`},
		"a permit never makes others' agents one's":    {actor("nobody", domain.Human), "task.complete", agent("bot", "boss"), permitAll, false, `no role is held here; policy "p" permits it in vain: the agent is another's`},
		"a permit for one's own agent":                 {actor("nobody", domain.Human), "task.complete", agent("mine", "nobody"), permitAll, true, `policy "p" permits it`},
		"a permit stays within the credential":         {limited, "task.submit", task("q", nil), permitAll, false, `the credential is limited to task.read; policy "p" permits it in vain: the credential is limited to task.read`},
		"a permit to who is suspended":                 {actor("gone", domain.Human), "task.submit", task("q", nil), permitAll, false, `the principal is suspended; policy "p" permits it in vain: the principal is suspended`},
		"a permit to who is unknown":                   {actor("ghost", domain.Human), "task.submit", task("q", nil), permitAll, false, `the principal is not known; policy "p" permits it in vain: the principal is not known`},
		"a forbid binds super admins":                  {root, "task.submit", task("q", nil), forbidAll, false, `policy "p" forbids it (super-admin permits it)`},
		"super admins keep their policies":             {root, "policy.manage", identity.Resource{}, forbidAll, true, ""},
		"tenant admins keep their policies":            {actor("boss", domain.Human), "policy.manage", identity.Resource{}, forbidAll, true, ""},
		"one keeps the care of oneself":                {actor("dev", domain.Human), identity.ActionOwn, identity.Resource{}, forbidAll, true, ""},
		"one keeps knowing who one is":                 {actor("dev", domain.Human), identity.ActionKnown, identity.Resource{}, forbidAll, true, ""},
		"a forbid that cannot be evaluated":            {actor("dev", domain.Human), "task.read", identity.Resource{}, `forbid (principal, action, resource) when { resource.queue == "pii" };`, false, `policy "p" forbids it, because it cannot be evaluated: ` + "`" + `Task::""` + "`" + ` does not have the attribute ` + "`queue`" + ` (developer permits it)`},
		"a permit that cannot be evaluated":            {actor("nobody", domain.Human), "task.read", identity.Resource{}, `permit (principal, action, resource) when { resource.queue == "pii" };`, false, "no role is held here"},
		"a label":                                      {actor("dev", domain.Human), "task.cancel", task("q", map[string]string{"env": "prod"}), `forbid (principal, action == Action::"task.cancel", resource) when { resource.labels has env && resource.labels.env == "prod" };`, false, `policy "p" forbids it (developer permits it)`},
		"no label":                                     {actor("dev", domain.Human), "task.cancel", task("q", nil), `forbid (principal, action == Action::"task.cancel", resource) when { resource.labels has env && resource.labels.env == "prod" };`, true, ""},
		"what policies may see":                        {actor("ci", domain.Service), "task.submit", task("q", nil), `forbid (principal, action, resource) when { principal.name == "ci" && principal.id == "ci" && principal.kind == "service" && principal.owner == "boss" && principal.tenant == "acme" && principal.roles.contains("developer") && resource.priority == 5 && resource.capabilities.contains("gpu") && context.scopes.isEmpty() && context.time > datetime("2020-01-01") };`, false, `policy "p" forbids it (developer permits it)`},
		"a forbid on the person binds its agent":       {delegated, "event.read", identity.Resource{}, `forbid (principal is Mesh::Human, action, resource);`, false, `policy "p" forbids it`},
		"a permit to the agent is not the person's":    {delegated, "task.cancel", task("q", nil), `permit (principal is Mesh::Agent, action, resource);`, false, "agent permits no task.cancel"},
		"a permit to both":                             {delegated, "task.cancel", task("q", nil), permitAll, true, `policy "p" permits it`},
		"a permit to the agent of what the person may": {delegated, "event.read", identity.Resource{}, `permit (principal is Mesh::Agent, action, resource) when { context.acting_for == "viewer" };`, true, `policy "p" permits it`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.set("acme", "p", c.text)
			d := w.decide(c.by, c.action, c.about)
			if d.Allowed != c.allowed || d.Reason != c.reason {
				t.Errorf("%+v, want allowed %v, reason %q", d, c.allowed, c.reason)
			}
			w.remove("acme", "p")
			if got, roles := w.decide(c.by, c.action, c.about), w.roles(c.by, c.action, c.about); got != roles {
				t.Errorf("after its removal: %+v, roles say %+v", got, roles)
			}
		})
	}
}

func TestPoliciesStayInTheirTenant(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.set("other", "p", permitAll)
	w.set(domain.DefaultTenant, "p", forbidAll)
	if d := w.decide(w.actor("nobody"), "task.submit", task("q", nil)); d.Allowed {
		t.Errorf("another tenant's permit: %+v", d)
	}
	if d := w.decide(w.actor("dev"), "task.submit", task("q", nil)); !d.Allowed {
		t.Errorf("another tenant's forbid: %+v", d)
	}
	guest := domain.Actor{Tenant: "other", Home: "acme", ID: "dev", Kind: domain.Human}
	if d := w.decide(guest, "task.submit", task("q", nil)); d.Allowed {
		t.Errorf("a permit to a guest: %+v", d)
	}
}

// A policy that this binary cannot read, which only a newer one can have
// written, forbids everything but its own removal.
func TestUnreadablePolicyForbids(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.set("acme", "future", `allow (everybody);`)
	if d := w.decide(w.actor("dev"), "task.submit", task("q", nil)); d.Allowed || d.Policy != "future" {
		t.Errorf("%+v", d)
	}
	if d := w.decide(w.actor("boss"), "policy.manage", identity.Resource{}); !d.Allowed {
		t.Errorf("%+v", d)
	}
}
