package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// instant is a moment of the one hour in which these tests happen.
func instant(minute int) time.Time { return time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC) }

var never time.Time

// check compares a decision with the events or the refusal that is wanted: an
// error's code, and its field after a colon if it has one.
func check[E identity.Event](t *testing.T, got []E, err error, then []E, refusal string) {
	t.Helper()
	if refused(t, err) != refusal {
		t.Fatalf("refused with %q, want %q: %v", refused(t, err), refusal, err)
	}
	if diff := cmp.Diff(then, got, cmpopts.EquateEmpty(), seal); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// seal leaves out what an event is sealed with.
var seal = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".fact" }, cmp.Ignore())

func refused(t *testing.T, err error) string {
	t.Helper()
	var refusal *domain.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refusal):
		t.Fatalf("not an error of the domain: %v", err)
	case refusal.Kind == domain.Invalid:
		return "invalid:" + refusal.Field
	}
	return refusal.Code
}

func foldTenant(events ...identity.TenantEvent) identity.Tenant {
	var t identity.Tenant
	for _, e := range events {
		t = t.Apply(e, instant(0))
	}
	return t
}

func acme(more ...identity.TenantEvent) []identity.TenantEvent {
	return append([]identity.TenantEvent{identity.TenantCreated{Name: "acme"}}, more...)
}

func mesh(more ...identity.TenantEvent) []identity.TenantEvent {
	return append([]identity.TenantEvent{identity.TenantCreated{Name: domain.DefaultTenant}}, more...)
}

func grant(who, role string) identity.Grant { return identity.Grant{Principal: who, Role: role} }

func granted(who, role string, ends time.Time) identity.TenantEvent {
	return identity.RoleGranted{Grant: grant(who, role), ExpiresAt: ends}
}

func defined(name string, permissions ...string) identity.TenantEvent {
	return identity.RoleDefined{Role: identity.Role{Name: name, Permissions: permissions}}
}

func rights(actions ...string) identity.Rights {
	r := identity.Rights{}
	for _, a := range actions {
		r[a] = true
	}
	return r
}

// tenantWide is what a tenant's admin may do.
func tenantWide() identity.Rights {
	r := identity.AllRights()
	for _, a := range identity.Actions() {
		if a.MeshWide {
			delete(r, a.Name)
		}
	}
	return r
}

type tenantCase struct {
	name    string
	given   []identity.TenantEvent
	when    func(identity.Tenant) ([]identity.TenantEvent, error)
	then    []identity.TenantEvent
	refusal string
}

func runTenant(t *testing.T, cases []tenantCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(foldTenant(tt.given...))
			check(t, got, err, tt.then, tt.refusal)
		})
	}
}

func TestTenantLife(t *testing.T) {
	t.Parallel()
	create := func(name, title string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) { return t.Create(name, title) }
	}
	suspend := func(reason string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) { return t.Suspend(reason) }
	}
	longest := strings.Repeat("t", 63)
	runTenant(t, []tenantCase{
		{"created", nil, create("acme", "Acme"), []identity.TenantEvent{identity.TenantCreated{Name: "acme", Title: "Acme"}}, ""},
		{"longest name", nil, create(longest, ""), []identity.TenantEvent{identity.TenantCreated{Name: longest}}, ""},
		{"name too long", nil, create(longest+"t", ""), nil, "invalid:tenant"},
		{"name of two tokens", nil, create("a.b", ""), nil, "invalid:tenant"},
		{"name that is a wildcard", nil, create("*", ""), nil, "invalid:tenant"},
		{"capitals", nil, create("Acme", ""), nil, "invalid:tenant"},
		{"title too long", nil, create("acme", strings.Repeat("t", identity.MaxTitle+1)), nil, "invalid:title"},
		{"created twice", acme(), create("acme", ""), nil, "tenant_exists"},
		{"suspended", acme(), suspend("unpaid"), []identity.TenantEvent{identity.TenantSuspended{Reason: "unpaid"}}, ""},
		{"suspended twice", acme(identity.TenantSuspended{}), suspend(""), nil, ""},
		{"the mesh's own", mesh(), suspend(""), nil, "invalid:tenant"},
		{"suspended while unknown", nil, suspend(""), nil, "tenant_not_found"},
		{"reason too long", acme(), suspend(strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
		{"resumed", acme(identity.TenantSuspended{}), identity.Tenant.Resume, []identity.TenantEvent{identity.TenantResumed{}}, ""},
		{"resumed without need", acme(), identity.Tenant.Resume, nil, ""},
		{"resumed while unknown", nil, identity.Tenant.Resume, nil, "tenant_not_found"},
	})
}

func define(by identity.Rights, name string, permissions ...string) func(identity.Tenant) ([]identity.TenantEvent, error) {
	return func(t identity.Tenant) ([]identity.TenantEvent, error) {
		return t.DefineRole(identity.Role{Name: name, Permissions: permissions}, by)
	}
}

func TestDefineRole(t *testing.T) {
	t.Parallel()
	all, admin, few := identity.AllRights(), tenantWide(), rights("task.read", "role.define")
	full := acme()
	for i := range identity.MaxRoles {
		full = append(full, defined(fmt.Sprintf("r%d", i), "task.read"))
	}
	runTenant(t, []tenantCase{
		{"new", acme(), define(few, "r", "task.read"), []identity.TenantEvent{defined("r", "task.read")}, ""},
		{"changed", acme(defined("r", "task.read")), define(all, "r", "task.*"), []identity.TenantEvent{defined("r", "task.*")}, ""},
		{"unchanged", acme(defined("r", "task.read")), define(few, "r", "task.read"), nil, ""},
		{"more than one may do", acme(), define(few, "r", "task.submit"), nil, "escalation"},
		{"a pattern of which one may do a part", acme(), define(few, "r", "task.*"), nil, "escalation"},
		{"everything", acme(), define(few, "r", "*"), nil, "escalation"},
		{"a stronger role made weaker", acme(defined("r", "task.*")), define(few, "r", "task.read"), nil, "escalation"},
		{"everything within a tenant", acme(), define(admin, "r", "*"), []identity.TenantEvent{defined("r", "*")}, ""},
		{"everything within the mesh, by an admin of its tenant", mesh(), define(admin, "r", "*"), nil, "escalation"},
		{"one mesh-wide action", mesh(), define(admin, "r", "tenant.create"), nil, "escalation"},
		{"a mesh-wide pattern", mesh(), define(admin, "r", "projection.*"), nil, "escalation"},
		{"a pattern that has a mesh-wide action", mesh(), define(admin, "r", "key.*"), nil, "escalation"},
		{"everything within the mesh", mesh(), define(all, "r", "*"), []identity.TenantEvent{defined("r", "*")}, ""},
		{"a built-in role", acme(), define(all, identity.RoleViewer, "task.read"), nil, "invalid:role"},
		{"no name", acme(), define(all, "", "task.read"), nil, "invalid:role"},
		{"no permissions", acme(), define(all, "r"), nil, "invalid:permissions"},
		{"most permissions", acme(), define(few, "r", slices.Repeat([]string{"task.read"}, len(identity.Actions()))...), []identity.TenantEvent{
			defined("r", slices.Repeat([]string{"task.read"}, len(identity.Actions()))...),
		}, ""},
		{"too many permissions", acme(), define(few, "r", slices.Repeat([]string{"task.read"}, len(identity.Actions())+1)...), nil, "invalid:permissions"},
		{"an action that is none", acme(), define(all, "r", "task.raed"), nil, "invalid:permissions"},
		{"a pattern of nothing", acme(), define(all, "r", "tusk.*"), nil, "invalid:permissions"},
		{"a pattern within a word", acme(), define(all, "r", "ta*"), nil, "invalid:permissions"},
		{"one's own credentials are no permission", acme(), define(all, "r", identity.ActionOwn), nil, "invalid:permissions"},
		{"too many roles", full, define(all, "one-more", "task.read"), nil, "invalid:role"},
		{"one of the full number changed", full, define(all, "r0", "task.*"), []identity.TenantEvent{defined("r0", "task.*")}, ""},
		{"unknown tenant", nil, define(all, "r", "task.read"), nil, "tenant_not_found"},
		{"description too long", acme(), func(t identity.Tenant) ([]identity.TenantEvent, error) {
			return t.DefineRole(identity.Role{Name: "r", Description: strings.Repeat("d", identity.MaxTitle+1), Permissions: []string{"*"}}, all)
		}, nil, "invalid:description"},
		{"another description", acme(defined("r", "task.read")), func(t identity.Tenant) ([]identity.TenantEvent, error) {
			return t.DefineRole(identity.Role{Name: "r", Description: "reads", Permissions: []string{"task.read"}}, few)
		}, []identity.TenantEvent{identity.RoleDefined{Role: identity.Role{Name: "r", Description: "reads", Permissions: []string{"task.read"}}}}, ""},
	})
}

func TestRemoveRole(t *testing.T) {
	t.Parallel()
	remove := func(by identity.Rights, name string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) { return t.RemoveRole(name, by) }
	}
	few := rights("task.read")
	runTenant(t, []tenantCase{
		{"removed", acme(defined("r", "task.read")), remove(few, "r"), []identity.TenantEvent{identity.RoleRemoved{Role: "r"}}, ""},
		{"unknown", acme(), remove(few, "r"), nil, "role_not_found"},
		{"stronger than oneself", acme(defined("r", "task.*")), remove(few, "r"), nil, "escalation"},
		{"built-in", acme(), remove(identity.AllRights(), identity.RoleAgent), nil, "invalid:role"},
	})
	again := foldTenant(acme(defined("r", "task.read"), granted("a", "r", never), granted("a", "viewer", never), granted("b", "r", never),
		identity.RoleRemoved{Role: "r"}, defined("r", "task.*"))...)
	want := map[string][]identity.Held{"a": {{Role: "viewer"}}}
	if diff := cmp.Diff(want, again.Grants); diff != "" {
		t.Errorf("grants after the role was removed and another got its name (-want +got):\n%s", diff)
	}
}
