package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func give(by identity.Rights, who, role string, ends time.Time) func(identity.Tenant) ([]identity.TenantEvent, error) {
	return func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.GrantRole(grant(who, role), ends, instant(30), by)
	}
}

func TestGrantRole(t *testing.T) {
	t.Parallel()
	all, admin := identity.AllRights(), tenantWide()
	super := identity.RoleSuperAdmin
	full := acme()
	for i := range identity.MaxGrants {
		full = append(full, granted(fmt.Sprintf("p%d", i), "viewer", never))
	}
	runTenant(t, []tenantCase{
		{"for good", acme(), give(admin, "a", "viewer", never), []identity.TenantEvent{granted("a", "viewer", never)}, ""},
		{"until later", acme(), give(admin, "a", "viewer", instant(31)), []identity.TenantEvent{granted("a", "viewer", instant(31))}, ""},
		{"held already", acme(granted("a", "viewer", never)), give(admin, "a", "viewer", never), nil, ""},
		{"another end", acme(granted("a", "viewer", instant(31))), give(admin, "a", "viewer", never), []identity.TenantEvent{granted("a", "viewer", never)}, ""},
		{"anew after its end", acme(granted("a", "viewer", instant(9))), give(admin, "a", "viewer", instant(31)), []identity.TenantEvent{granted("a", "viewer", instant(31))}, ""},
		{"until now", acme(), give(admin, "a", "viewer", instant(30)), nil, "invalid:expires_at"},
		{"until a year that cannot be written", acme(), give(admin, "a", "viewer", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)), nil, "invalid:expires_at"},
		{"custom", acme(defined("r", "task.read")), give(rights("task.read"), "a", "r", never), []identity.TenantEvent{granted("a", "r", never)}, ""},
		{"custom and more than one may do", acme(defined("r", "task.*")), give(rights("task.read"), "a", "r", never), nil, "escalation"},
		{"unknown role", acme(), give(all, "a", "r", never), nil, "role_not_found"},
		{"unknown tenant", nil, give(all, "a", "viewer", never), nil, "tenant_not_found"},
		{"tenant-admin by a tenant-admin", acme(), give(admin, "a", identity.RoleTenantAdmin, never), []identity.TenantEvent{granted("a", identity.RoleTenantAdmin, never)}, ""},
		{"tenant-admin by less", acme(), give(rights("role.grant"), "a", identity.RoleTenantAdmin, never), nil, "escalation"},
		{"super-admin by a tenant-admin of the mesh", mesh(), give(admin, "a", super, never), nil, "escalation"},
		{"auditor of the mesh by a tenant-admin", mesh(), give(admin, "a", identity.RoleAuditor, never), nil, "escalation"},
		{"auditor of a tenant by its admin", acme(), give(admin, "a", identity.RoleAuditor, never), []identity.TenantEvent{granted("a", identity.RoleAuditor, never)}, ""},
		{"super-admin", mesh(), give(all, "a", super, never), []identity.TenantEvent{granted("a", super, never)}, ""},
		{"super-admin of a tenant", acme(), give(all, "a", super, never), nil, "invalid:role"},
		{"an end for the last super-admin", mesh(granted("a", super, never)), give(all, "a", super, instant(31)), nil, "last_admin"},
		{"an end for one of two", mesh(granted("a", super, never), granted("b", super, never)), give(all, "a", super, instant(31)), []identity.TenantEvent{granted("a", super, instant(31))}, ""},
		{"an end for one of two, the other has ended", mesh(granted("a", super, never), granted("b", super, instant(9))), give(all, "a", super, instant(31)), nil, "last_admin"},
		{"an ended super-admin anew for a while", mesh(granted("a", super, never), granted("b", super, instant(9))), give(all, "b", super, instant(31)), []identity.TenantEvent{granted("b", super, instant(31))}, ""},
		{"an end for the last tenant-admin", acme(granted("a", identity.RoleTenantAdmin, never)), give(admin, "a", identity.RoleTenantAdmin, instant(31)), nil, "last_admin"},
		{"too many", full, give(all, "one-more", "viewer", never), nil, "invalid:principal"},
		{"one of the full number changed", full, give(all, "p0", "viewer", instant(31)), []identity.TenantEvent{granted("p0", "viewer", instant(31))}, ""},
	})
}

func TestRevokeRole(t *testing.T) {
	t.Parallel()
	take := func(by identity.Rights, who, role, reason string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) {
			return t.RevokeRole(grant(who, role), reason, instant(30), by)
		}
	}
	revoked := func(who, role string) []identity.TenantEvent {
		return []identity.TenantEvent{identity.RoleRevoked{Grant: grant(who, role)}}
	}
	all, admin, few := identity.AllRights(), tenantWide(), rights("role.grant", "task.read")
	super, lord := identity.RoleSuperAdmin, identity.RoleTenantAdmin
	runTenant(t, []tenantCase{
		{"taken", acme(granted("a", "viewer", never)), take(admin, "a", "viewer", ""), revoked("a", "viewer"), ""},
		{"not held", acme(granted("a", "viewer", never)), take(few, "b", "viewer", ""), nil, ""},
		{"of more than one may do", acme(granted("a", "developer", never)), take(few, "a", "developer", ""), nil, "escalation"},
		{"reason too long", acme(), take(all, "a", "viewer", strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
		{"the last super-admin", mesh(granted("a", super, never)), take(all, "a", super, ""), nil, "last_admin"},
		{"the last beside one that has ended", mesh(granted("a", super, never), granted("b", super, instant(30))), take(all, "a", super, ""), nil, "last_admin"},
		{"the one that has ended", mesh(granted("a", super, never), granted("b", super, instant(30))), take(all, "b", super, ""), revoked("b", super), ""},
		{"one of two", mesh(granted("a", super, never), granted("b", super, never)), take(all, "a", super, ""), revoked("a", super), ""},
		{"a super-admin by a tenant-admin of the mesh", mesh(granted("a", super, never), granted("b", super, never)), take(admin, "a", super, ""), nil, "escalation"},
		{"the last tenant-admin", acme(granted("a", lord, never)), take(all, "a", lord, ""), nil, "last_admin"},
		{"the last tenant-admin of the mesh, which has super-admins", mesh(granted("a", lord, never)), take(all, "a", lord, ""), revoked("a", lord), ""},
	})
	rest := foldTenant(acme(granted("a", "viewer", never), granted("a", "operator", instant(40)), identity.RoleRevoked{Grant: grant("a", "viewer")})...)
	if got := rest.RolesOf("a", instant(39)); !slices.Equal(got, []string{"operator"}) {
		t.Errorf("roles that stay: %v", got)
	}
	if got := rest.RolesOf("a", instant(40)); len(got) > 0 {
		t.Errorf("roles when the last one ends: %v", got)
	}
}

func TestStrip(t *testing.T) {
	t.Parallel()
	strip := func(by identity.Rights, who, reason string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) {
			return t.Strip(who, reason, instant(30), by)
		}
	}
	super, lord := identity.RoleSuperAdmin, identity.RoleTenantAdmin
	two := mesh(granted("a", super, never), granted("a", lord, never), granted("a", "viewer", never), granted("b", super, never))
	runTenant(t, []tenantCase{
		{"both", two, strip(identity.AllRights(), "a", "stolen"), []identity.TenantEvent{
			identity.RoleRevoked{Grant: grant("a", super), Reason: "stolen"}, identity.RoleRevoked{Grant: grant("a", lord), Reason: "stolen"},
		}, ""},
		{"nothing to take", two, strip(rights(), "c", ""), nil, ""},
		{"of more than one may do", two, strip(tenantWide(), "a", ""), nil, "escalation"},
		{"the last", mesh(granted("a", super, never)), strip(identity.AllRights(), "a", ""), nil, "last_admin"},
		{"reason too long", two, strip(identity.AllRights(), "a", strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
	})
}
