package identity

import (
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Create makes a tenant. Its name becomes a token of subjects.
func (t Tenant) Create(name, title string) ([]TenantEvent, error) {
	if !domain.ValidTenant(name) {
		return nil, domain.InvalidField("tenant", "%.64q is not a tenant: lower-case letters, digits and dashes, 63 at most", name)
	}
	if err := domain.CheckText("title", title, MaxTitle); err != nil {
		return nil, err
	}
	if t.Exists() {
		return nil, ErrTenantExists
	}
	return []TenantEvent{TenantCreated{Name: name, Title: title}}, nil
}

// Suspend stops everybody in the tenant. The default tenant, in which the mesh
// itself is run, cannot be suspended.
func (t Tenant) Suspend(reason string) ([]TenantEvent, error) {
	switch err := checkReason(reason); {
	case err != nil:
		return nil, err
	case !t.Exists():
		return nil, ErrTenantNotFound
	case t.Name == domain.DefaultTenant:
		return nil, domain.InvalidField("tenant", "the tenant %q runs the mesh and cannot be suspended", t.Name)
	case t.Suspended:
		return nil, nil
	}
	return []TenantEvent{TenantSuspended{Reason: reason}}, nil
}

// Resume ends a suspension.
func (t Tenant) Resume() ([]TenantEvent, error) {
	if !t.Exists() {
		return nil, ErrTenantNotFound
	}
	if !t.Suspended {
		return nil, nil
	}
	return []TenantEvent{TenantResumed{}}, nil
}

// DefineRole gives a custom role its permissions. by is what the one who
// defines it may do in the tenant: a role never holds more than that.
func (t Tenant) DefineRole(r Role, by Rights) ([]TenantEvent, error) {
	if err := t.checkRole(r); err != nil {
		return nil, err
	}
	old, known := t.Roles[r.Name]
	if !by.Cover(t.Name, r.Permissions) || known && !by.Cover(t.Name, old.Permissions) {
		return nil, ErrEscalation
	}
	if known && old.Description == r.Description && slices.Equal(old.Permissions, r.Permissions) {
		return nil, nil
	}
	return []TenantEvent{RoleDefined{Role: r}}, nil
}

func (t Tenant) checkRole(r Role) error {
	if !t.Exists() {
		return ErrTenantNotFound
	}
	if err := domain.CheckName("role", r.Name); err != nil {
		return err
	}
	if err := domain.CheckText("description", r.Description, MaxTitle); err != nil {
		return err
	}
	if _, ok := builtin(r.Name); ok {
		return domain.InvalidField("role", "%q is built in and cannot be changed", r.Name)
	}
	if _, known := t.Roles[r.Name]; !known && len(t.Roles) >= MaxRoles {
		return domain.InvalidField("role", "the tenant has %d roles already", MaxRoles)
	}
	return CheckPermissions("permissions", r.Permissions)
}

// RemoveRole removes a custom role.
func (t Tenant) RemoveRole(name string, by Rights) ([]TenantEvent, error) {
	if _, ok := builtin(name); ok {
		return nil, domain.InvalidField("role", "%q is built in and cannot be removed", name)
	}
	r, ok := t.Roles[name]
	if !ok {
		return nil, ErrRoleNotFound
	}
	if !by.Cover(t.Name, r.Permissions) {
		return nil, ErrEscalation
	}
	return []TenantEvent{RoleRemoved{Role: name}}, nil
}

// GrantRole gives a principal of the tenant a role, until expires unless that
// is zero. A role that a provider gave is from then on the one who grants it to
// take.
func (t Tenant) GrantRole(g Grant, expires, now time.Time, by Rights) ([]TenantEvent, error) {
	if err := t.mayGrant(g, expires, by); err != nil {
		return nil, err
	}
	if g.Role == RoleSuperAdmin && t.Name != domain.DefaultTenant {
		return nil, domain.InvalidField("role", "%s is held in the tenant %q only", g.Role, domain.DefaultTenant)
	}
	if expired(expires, now) {
		return nil, domain.InvalidField("expires_at", "%s is in the past", expires.Format(time.RFC3339))
	}
	if err := domain.CheckTime("expires_at", expires); err != nil {
		return nil, err
	}
	old, held := t.held(g)
	if held && old.grantedUntil(expires) {
		return nil, nil
	}
	if held && t.lastAdmin(g.Role, now) && !expired(old.Ends, now) && !expires.IsZero() {
		return nil, ErrLastAdmin
	}
	if !held && len(t.Grants) >= MaxGrants {
		return nil, domain.InvalidField("principal", "the tenant has %d grants already", MaxGrants)
	}
	return []TenantEvent{RoleGranted{Grant: g, ExpiresAt: expires}}, nil
}

// RevokeRole takes a role from a principal. The last admin of a kind stays.
func (t Tenant) RevokeRole(g Grant, reason string, now time.Time, by Rights) ([]TenantEvent, error) {
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	old, held := t.held(g)
	if !held {
		return nil, nil
	}
	if err := t.mayHandle(g.Role, by); err != nil {
		return nil, err
	}
	if t.lastAdmin(g.Role, now) && !expired(old.Ends, now) {
		return nil, ErrLastAdmin
	}
	if err := t.keepAdmin(g); err != nil {
		return nil, err
	}
	return []TenantEvent{RoleRevoked{Grant: g, Reason: reason}}, nil
}

// Strip takes every role of administration from a principal that is suspended;
// when it is given back its rights, it is by somebody's decision.
func (t Tenant) Strip(principal, reason string, now time.Time, by Rights) ([]TenantEvent, error) {
	var events []TenantEvent
	for _, role := range []string{RoleSuperAdmin, RoleTenantAdmin} {
		revoked, err := t.RevokeRole(Grant{Principal: principal, Role: role}, reason, now, by)
		if err != nil {
			return nil, err
		}
		events = append(events, revoked...)
	}
	return events, nil
}

// mayHandle refuses to give or take a role that holds more than by.
func (t Tenant) mayHandle(role string, by Rights) error {
	if !t.Exists() {
		return ErrTenantNotFound
	}
	r, ok := t.Role(role)
	if !ok {
		return ErrRoleNotFound
	}
	if !by.Cover(t.Name, r.Permissions) {
		return ErrEscalation
	}
	return nil
}

// lastAdmin reports whether one principal at most holds this role of
// administration.
func (t Tenant) lastAdmin(role string, now time.Time) bool {
	return (role == RoleSuperAdmin || role == RoleTenantAdmin && t.Name != domain.DefaultTenant) && t.holders(role, now) <= 1
}

// SetPolicy gives a policy a text that has been found to be sound.
func (t Tenant) SetPolicy(name, text string) ([]TenantEvent, error) {
	if !t.Exists() {
		return nil, ErrTenantNotFound
	}
	if err := domain.CheckName("policy", name); err != nil {
		return nil, err
	}
	if len(text) == 0 || len(text) > MaxPolicyText {
		return nil, domain.InvalidField("text", "has %d bytes, 1 to %d allowed", len(text), MaxPolicyText)
	}
	old, known := t.Policies[name]
	if known && old.Text == text {
		return nil, nil
	}
	if !known && len(t.Policies) >= MaxPolicies {
		return nil, domain.InvalidField("policy", "the tenant has %d policies already", MaxPolicies)
	}
	return []TenantEvent{PolicySet{Name: name, Version: t.Revision + 1, Text: text}}, nil
}

// RemovePolicy removes a policy.
func (t Tenant) RemovePolicy(name string) ([]TenantEvent, error) {
	if _, ok := t.Policies[name]; !ok {
		return nil, ErrPolicyNotFound
	}
	return []TenantEvent{PolicyRemoved{Name: name}}, nil
}
