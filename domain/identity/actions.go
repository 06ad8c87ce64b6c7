package identity

import (
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// Action is something that a principal may be permitted to do. Commands and
// queries are named by it.
type Action struct {
	Name string
	Does string
	// MeshWide actions concern all tenants: only grants in the default tenant
	// reach them.
	MeshWide bool
}

// Actions returns every action that can be permitted, by name. What is not in
// it is denied to everybody.
func Actions() []Action {
	return []Action{
		{Name: "agent.drain", Does: "stop new work for an agent"},
		{Name: "agent.leave", Does: "say the goodbye of an agent"},
		{Name: "agent.read", Does: "see agents"},
		{Name: "agent.register", Does: "register agents that one answers for"},
		{Name: "agent.represent", Does: "report for agents that somebody else registered"},
		{Name: "agent.resume", Does: "give an agent work again"},
		{Name: "agent.sleep", Does: "put an agent to sleep with a checkpoint"},
		{Name: "agent.wake", Does: "wake an agent that is asleep"},
		{Name: "archive.flush", Does: "have the log archived now", MeshWide: true},
		{Name: "archive.read", Does: "see how far the archive of the log is", MeshWide: true},
		{Name: "artifact.read", Does: "read large inputs and results by their digest"},
		{Name: "credential.manage", Does: "set and remove the credentials of others"},
		{Name: "event.publish", Does: "publish external events"},
		{Name: "event.read", Does: "read the event index, single events and feeds, auth events left out"},
		{Name: "identity.read", Does: "see tenants' roles, principals, sessions, keys and auth events"},
		{Name: "invitation.issue", Does: "invite people and let agents join"},
		{Name: "key.rotate", Does: "rotate the keys that tokens are signed with", MeshWide: true},
		{Name: "memory.manage", Does: "change the embedding model, consolidate, see the costs"},
		{Name: "memory.read", Does: "recall items of the tenant, of one's teams and one's own"},
		{Name: "memory.read_all", Does: "recall every item of the tenant, whatever its scope"},
		{Name: "memory.write", Does: "remember, correct, supersede, forget items within what one may recall"},
		{Name: "policy.manage", Does: "set, test and remove policies"},
		{Name: "principal.create", Does: "create people, agents and services"},
		{Name: "principal.delegate", Does: "let an agent act for oneself"},
		{Name: "principal.group", Does: "put principals into teams"},
		{Name: "principal.resume", Does: "end the suspension of a principal"},
		{Name: "principal.suspend", Does: "suspend a principal"},
		{Name: "projection.read", Does: "see the state of read models and what is parked", MeshWide: true},
		{Name: "projection.rebuild", Does: "build a read model anew", MeshWide: true},
		{Name: "projection.retry", Does: "apply parked events again", MeshWide: true},
		{Name: "projection.skip", Does: "leave a parked event out for good", MeshWide: true},
		{Name: "projection.verify", Does: "compare a read model with a rebuilt one", MeshWide: true},
		{Name: "role.define", Does: "define and remove custom roles"},
		{Name: "role.grant", Does: "give and take roles"},
		{Name: "session.end", Does: "end the sessions and tokens of others"},
		{Name: "system.metrics", Does: "read the metrics of a node", MeshWide: true},
		{Name: "task.cancel", Does: "cancel tasks"},
		{Name: "task.complete", Does: "complete attempts"},
		{Name: "task.fail", Does: "give up attempts"},
		{Name: "task.progress", Does: "tell how far attempts are"},
		{Name: "task.read", Does: "see all tasks of the tenant"},
		{Name: "task.read_own", Does: "see the tasks that one's agents hold or held"},
		{Name: "task.requeue", Does: "requeue failed and dead-lettered tasks"},
		{Name: "task.return", Does: "hand assignments back"},
		{Name: "task.start", Does: "say that attempts began"},
		{Name: "task.submit", Does: "submit tasks"},
		{Name: "tenant.create", Does: "create tenants", MeshWide: true},
		{Name: "tenant.read", Does: "list all tenants", MeshWide: true},
		{Name: "tenant.resume", Does: "end the suspension of a tenant", MeshWide: true},
		{Name: "tenant.suspend", Does: "suspend a tenant", MeshWide: true},
	}
}

// Matches reports whether a permission, an action's name or a pattern such as
// "task.*" or "*", permits an action.
func Matches(permission, action string) bool {
	if prefix, ok := strings.CutSuffix(permission, "*"); ok {
		return strings.HasPrefix(action, prefix)
	}
	return permission == action
}

// CheckPermissions returns an Invalid error about field when one of the
// permissions permits nothing that exists, or when there are none.
func CheckPermissions(field string, permissions []string) error {
	all := Actions()
	if len(permissions) == 0 || len(permissions) > len(all) {
		return domain.InvalidField(field, "%d given, 1 to %d allowed", len(permissions), len(all))
	}
	for _, p := range permissions {
		sound := p == "*" || !strings.Contains(strings.TrimSuffix(p, ".*"), "*")
		if !sound || !slices.ContainsFunc(all, func(a Action) bool { return Matches(p, a.Name) }) {
			return domain.InvalidField(field, "%.64q is neither an action nor a pattern such as task.*", p)
		}
	}
	return nil
}

// Rights is the set of actions that somebody may do in one tenant.
type Rights map[string]bool

// rightsOf returns what permissions permit; what is mesh-wide only with wide.
func rightsOf(permissions []string, wide bool) Rights {
	rights := Rights{}
	for _, a := range Actions() {
		if a.MeshWide && !wide {
			continue
		}
		if slices.ContainsFunc(permissions, func(p string) bool { return Matches(p, a.Name) }) {
			rights[a.Name] = true
		}
	}
	return rights
}

// AllRights returns the rights of a super admin.
func AllRights() Rights { return rightsOf([]string{"*"}, true) }

// Cover reports whether everything that the permissions permit to those who
// hold them in a tenant is in r. What is mesh-wide counts in the default tenant,
// where a grant reaches it, and in no other.
func (r Rights) Cover(tenant string, permissions []string) bool {
	for action := range rightsOf(permissions, tenant == domain.DefaultTenant) {
		if !r[action] {
			return false
		}
	}
	return true
}

// Within reports whether scopes permit nothing that limits do not. No limits
// are no limit; no scopes are within no limits only.
func Within(scopes, limits []string) bool {
	if len(limits) == 0 {
		return true
	}
	if len(scopes) == 0 {
		return false
	}
	outer := rightsOf(limits, true)
	for action := range rightsOf(scopes, true) {
		if !outer[action] {
			return false
		}
	}
	return true
}
