package identity

import (
	"maps"
	"slices"
	"time"
)

// TenantEvent is a fact about a tenant.
type TenantEvent interface {
	Event
	applyTenant(t Tenant, at time.Time) Tenant
}

// TenantCreated is the first event of a tenant.
type TenantCreated struct {
	fact
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// TenantSuspended says that nobody may act in the tenant.
type TenantSuspended struct {
	fact
	Reason string `json:"reason,omitempty"`
}

// TenantResumed ends a suspension.
type TenantResumed struct{ fact }

// RoleDefined gives a custom role its permissions, new or changed.
type RoleDefined struct {
	fact
	Role
}

// RoleRemoved says that a custom role is gone, and with it every grant of it: a
// later role of the same name is held by nobody.
type RoleRemoved struct {
	fact
	Role string `json:"role"`
}

// RoleGranted says that a principal holds a role from now on.
type RoleGranted struct {
	fact
	Grant
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// RoleProvided says that a principal holds a role because a login provider says
// so, until the provider says so no longer.
type RoleProvided struct {
	fact
	Grant
	Origin string `json:"origin"` // id of the credential that the provider knows the principal by
}

// RoleRevoked says that a principal holds a role no longer.
type RoleRevoked struct {
	fact
	Grant
	Reason string `json:"reason,omitempty"`
}

// PolicySet gives a policy a text, new or changed.
type PolicySet struct {
	fact
	Name    string `json:"policy"`
	Version int    `json:"version"`
	Text    string `json:"text"`
}

// PolicyRemoved says that a policy is gone.
type PolicyRemoved struct {
	fact
	Name string `json:"policy"`
}

// The wire names.

func (TenantCreated) Type() string   { return "tenant.created" }
func (TenantSuspended) Type() string { return "tenant.suspended" }
func (TenantResumed) Type() string   { return "tenant.resumed" }
func (RoleDefined) Type() string     { return "role.defined" }
func (RoleRemoved) Type() string     { return "role.removed" }
func (RoleGranted) Type() string     { return "role.granted" }
func (RoleProvided) Type() string    { return "role.provided" }
func (RoleRevoked) Type() string     { return "role.revoked" }
func (PolicySet) Type() string       { return "policy.set" }
func (PolicyRemoved) Type() string   { return "policy.removed" }

func (e TenantCreated) applyTenant(t Tenant, at time.Time) Tenant {
	t.Name, t.Title, t.CreatedAt = e.Name, e.Title, at
	return t
}

func (e TenantSuspended) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Suspended = true
	return t
}

func (e TenantResumed) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Suspended = false
	return t
}

func (e RoleDefined) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Roles = with(t.Roles, e.Name, e.Role)
	return t
}

func (e RoleRemoved) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Roles = without(t.Roles, e.Role)
	kept := make(map[string][]Held, len(t.Grants))
	for principal, held := range t.Grants {
		if rest := but(held, e.Role); len(rest) > 0 {
			kept[principal] = rest
		}
	}
	t.Grants = kept
	return t
}

func (e RoleGranted) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Grants = with(t.Grants, e.Principal, append(but(t.Grants[e.Principal], e.Role), Held{Role: e.Role, Ends: e.ExpiresAt}))
	return t
}

func (e RoleProvided) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Grants = with(t.Grants, e.Principal, append(but(t.Grants[e.Principal], e.Role), Held{Role: e.Role, Origin: e.Origin}))
	return t
}

func (e RoleRevoked) applyTenant(t Tenant, _ time.Time) Tenant {
	if rest := but(t.Grants[e.Principal], e.Role); len(rest) > 0 {
		t.Grants = with(t.Grants, e.Principal, rest)
		return t
	}
	t.Grants = without(t.Grants, e.Principal)
	return t
}

func (e PolicySet) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Policies = with(t.Policies, e.Name, Policy{Name: e.Name, Version: e.Version, Text: e.Text})
	t.Revision = e.Version
	return t
}

func (e PolicyRemoved) applyTenant(t Tenant, _ time.Time) Tenant {
	t.Policies = without(t.Policies, e.Name)
	t.Revision++
	return t
}

// with returns a copy of m that has k as v.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	out := make(map[K]V, len(m)+1)
	maps.Copy(out, m)
	out[k] = v
	return out
}

// without returns a copy of m that lacks k.
func without[K comparable, V any](m map[K]V, k K) map[K]V {
	out := maps.Clone(m)
	delete(out, k)
	return out
}

// but returns a copy of held that lacks a role.
func but(held []Held, role string) []Held {
	return slices.DeleteFunc(slices.Clone(held), func(h Held) bool { return h.Role == role })
}
