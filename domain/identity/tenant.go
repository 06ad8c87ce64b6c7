package identity

import (
	"maps"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Tenant is the state of one tenant: who may do what in it.
type Tenant struct {
	Name      string
	Title     string
	Suspended bool
	CreatedAt time.Time
	Roles     map[string]Role   // custom roles by name
	Grants    map[string][]Held // roles by the principal that holds them
	Policies  map[string]Policy // by name
	Revision  int               // changes of policies so far
}

// Role is a named set of permissions: names of actions, or patterns such as
// "task.*".
type Role struct {
	Name        string   `json:"role"`
	Description string   `json:"description,omitempty"`
	Permissions []string `json:"permissions"`
}

// Grant is one role of one principal.
type Grant struct {
	Principal string `json:"principal"`
	Role      string `json:"role"`
}

// Held is a role that a principal holds, until Ends unless that is zero.
type Held struct {
	Role   string
	Ends   time.Time
	Origin string // credential by which a provider gave it; empty = a principal did
}

// grantedUntil reports whether a principal, not a provider, gave the role, with
// this end.
func (h Held) grantedUntil(ends time.Time) bool { return h.Origin == "" && h.Ends.Equal(ends) }

// Policy is a text of conditions. Version is the tenant's Revision that set it.
type Policy struct {
	Name    string
	Version int
	Text    string
}

// Exists reports whether the tenant has been created.
func (t Tenant) Exists() bool { return t.Name != "" }

// Apply returns t after e, which happened at at. The maps of t are not changed.
func (t Tenant) Apply(e TenantEvent, at time.Time) Tenant { return e.applyTenant(t, at) }

// Role returns what a role permits: a built-in one, or one of the tenant's own.
func (t Tenant) Role(name string) (Role, bool) {
	if r, ok := builtin(name); ok {
		return r, true
	}
	r, ok := t.Roles[name]
	return r, ok
}

// held returns a grant that is there, even if it has ended by itself.
func (t Tenant) held(g Grant) (Held, bool) {
	for _, h := range t.Grants[g.Principal] {
		if h.Role == g.Role {
			return h, true
		}
	}
	return Held{}, false
}

// holders counts the principals that hold a role now.
func (t Tenant) holders(role string, now time.Time) int {
	n := 0
	for _, held := range t.Grants {
		for _, h := range held {
			if h.Role == role && !expired(h.Ends, now) {
				n++
			}
		}
	}
	return n
}

// RoleList returns the custom roles by name.
func (t Tenant) RoleList() []Role {
	roles := make([]Role, 0, len(t.Roles))
	for _, name := range slices.Sorted(maps.Keys(t.Roles)) {
		roles = append(roles, t.Roles[name])
	}
	return roles
}

// PolicyList returns the policies by name.
func (t Tenant) PolicyList() []Policy {
	policies := make([]Policy, 0, len(t.Policies))
	for _, name := range slices.Sorted(maps.Keys(t.Policies)) {
		policies = append(policies, t.Policies[name])
	}
	return policies
}

// RolesOf returns the roles that a principal holds now, by name.
func (t Tenant) RolesOf(principal string, now time.Time) []string {
	var roles []string
	for _, h := range t.Grants[principal] {
		if !expired(h.Ends, now) {
			roles = append(roles, h.Role)
		}
	}
	slices.Sort(roles)
	return roles
}

// What is refused about tenants.
var (
	ErrTenantNotFound = &domain.Error{Kind: domain.NotFound, Code: "tenant_not_found", Field: "tenant", Message: "no such tenant"}
	ErrTenantExists   = &domain.Error{Kind: domain.Conflict, Code: "tenant_exists", Field: "tenant", Message: "the tenant exists already"}
	ErrRoleNotFound   = &domain.Error{Kind: domain.NotFound, Code: "role_not_found", Field: "role", Message: "no such role"}
	ErrLastAdmin      = &domain.Error{Kind: domain.Conflict, Code: "last_admin", Message: "nobody else holds this role: give it to another principal first"}
	ErrEscalation     = &domain.Error{Kind: domain.Denied, Code: "escalation", Message: "one can only give, define or take what one may do oneself"}
	ErrPolicyNotFound = &domain.Error{Kind: domain.NotFound, Code: "policy_not_found", Field: "policy", Message: "no such policy"}
)
