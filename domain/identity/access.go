package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Resource is what an action is about. Everything may be left out that is not
// known; Tenant is the actor's.
type Resource struct {
	Kind  string // such as "task"
	ID    string
	Owner string // principal that answers for it
	// Attributes returns what policies may look at, such as queue or priority;
	// nil for nothing. It is called only where there are policies.
	Attributes func() map[string]any
}

// ActionOwn is to manage one's own credentials and sessions. It needs no role.
const ActionOwn = "self.manage"

// ActionKnown is what every principal may do that is not suspended, with any
// credential: to learn who it is and whom it talks to.
const ActionKnown = "self.read"

// Decision is the answer to whether an actor may do something, and why.
type Decision struct {
	Allowed bool
	Role    string // that permits it
	Policy  string // that decided, when one did
	Reason  string // in words, for the actor
}

func denied(format string, args ...any) Decision {
	return Decision{Reason: fmt.Sprintf(format, args...)}
}

// Decide says whether an actor may do an action to a resource, by roles. It
// denies what no role permits. An actor that acts for a person may do what
// both may.
func (d *Directory) Decide(by domain.Actor, action string, r Resource, now time.Time) Decision {
	if by.Kind == domain.System {
		if systemMay(action) {
			return Decision{Allowed: true, Role: string(domain.System)}
		}
		return denied("%s is not the mesh's own work", action)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	switch action {
	case ActionOwn:
		return d.decideOwn(by, now)
	case ActionKnown:
		if _, out := d.active(by, by.ID, now); out.Reason != "" {
			return out
		}
		return Decision{Allowed: true, Role: "anybody"}
	}
	out := d.decide(by, by.ID, action, now)
	if out.Allowed && by.For != "" {
		if person := d.decide(by, by.For, action, now); !person.Allowed {
			return denied("for the person: %s", person.Reason)
		}
	}
	if out.Allowed && !within(by.Scopes, action) {
		return deniedByScope(by)
	}
	if out.Allowed && !d.speaksForItself(by, action, r, now) {
		return denied("the agent is another's")
	}
	return out
}

// decideOwn says whether an actor may look after its own credentials and
// sessions: whoever is active may, with a credential that is not limited.
func (d *Directory) decideOwn(by domain.Actor, now time.Time) Decision {
	_, out := d.active(by, by.ID, now)
	switch {
	case out.Reason != "":
		return out
	case len(by.Scopes) > 0:
		return deniedByScope(by)
	case by.For != "":
		return denied("an agent that acts for somebody does not manage credentials")
	}
	return Decision{Allowed: true, Role: "oneself"}
}

// active returns a principal that may act at all where the actor acts. Beyond
// its own tenant only a super admin may, and nobody else learns whether there
// is such a tenant.
func (d *Directory) active(by domain.Actor, id string, now time.Time) (Principal, Decision) {
	home := by.HomeTenant()
	p, ok := d.principals[Ref{home, id}]
	switch {
	case !ok:
		return p, denied("the principal is not known")
	case p.Suspended:
		return p, denied("the principal is suspended")
	case home != by.Tenant && !slices.Contains(d.tenants[home].RolesOf(id, now), RoleSuperAdmin):
		return p, denied("no role is held here")
	case d.tenants[by.Tenant].Suspended || d.tenants[home].Suspended:
		return p, denied("the tenant is suspended")
	case !d.tenants[by.Tenant].Exists():
		return p, denied("there is no such tenant")
	case d.distrusted[by.Tenant] || d.distrusted[home] || d.distrusted[home+"/"+id]:
		return p, denied("a newer version of the mesh wrote about this identity; use a node of that version")
	}
	return p, Decision{}
}

// decide is Decide for one principal.
func (d *Directory) decide(by domain.Actor, id, action string, now time.Time) Decision {
	home := by.HomeTenant()
	p, out := d.active(by, id, now)
	if out.Reason != "" {
		return out
	}
	for _, held := range d.tenants[home].Grants[p.ID] {
		guest := home != by.Tenant && (held.Role != RoleSuperAdmin || home != domain.DefaultTenant)
		if !guest && !expired(held.Ends, now) && d.rightsOf(home, held.Role)[action] {
			return Decision{Allowed: true, Role: held.Role}
		}
	}
	if p.Kind == domain.Agent && home == by.Tenant && d.rightsOf(home, RoleAgent)[action] {
		return Decision{Allowed: true, Role: RoleAgent}
	}
	return d.refusal(by, p, action, now)
}

// refusal words why no role permits an action.
func (d *Directory) refusal(by domain.Actor, p Principal, action string, now time.Time) Decision {
	roles := d.rolesOf(by.HomeTenant(), p, now)
	if by.HomeTenant() != by.Tenant {
		roles = slices.DeleteFunc(roles, func(r string) bool { return r != RoleSuperAdmin || by.HomeTenant() != domain.DefaultTenant })
	}
	if len(roles) == 0 {
		return denied("no role is held here")
	}
	return denied("%s permits no %s", strings.Join(roles, ", "), action)
}

func (d *Directory) permits(by domain.Actor, id, action string, now time.Time) bool {
	return d.decide(by, id, action, now).Allowed
}

func (d *Directory) rolesOf(home string, p Principal, now time.Time) []string {
	roles := d.tenants[home].RolesOf(p.ID, now)
	if p.Kind == domain.Agent {
		roles = append(roles, RoleAgent)
	}
	return roles
}

// rightsOf returns what a role of a tenant permits.
func (d *Directory) rightsOf(home, role string) Rights {
	if r, ok := d.builtins[role]; ok {
		if home == domain.DefaultTenant {
			return r.wide
		}
		return r.here
	}
	return d.tenants[home].roles[role]
}

// RightsOf returns everything that an actor may do where it acts.
func (d *Directory) RightsOf(by domain.Actor, now time.Time) Rights {
	rights := Rights{}
	for _, a := range Actions() {
		if d.Decide(by, a.Name, Resource{}, now).Allowed {
			rights[a.Name] = true
		}
	}
	return rights
}

// Roles returns the roles that a principal holds now, that of its kind included.
func (d *Directory) Roles(ref Ref, now time.Time) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.rolesOf(ref.Tenant, d.principals[ref], now)
}

// asAgent reports whether an action is done in the name of one agent.
func asAgent(action string) bool {
	switch action {
	case "agent.register", "agent.leave", "task.start", "task.progress", "task.complete", "task.fail", "task.return":
		return true
	}
	return false
}

// systemMay lists what the mesh's own workers do.
func systemMay(action string) bool {
	switch action {
	case "key.rotate", "task.assign", "task.expire", "task.take_back", "task.exceed", "agent.lose", "agent.return":
		return true
	}
	return false
}
