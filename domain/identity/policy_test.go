package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	set := func(name, text string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) { return t.SetPolicy(name, text) }
	}
	remove := func(name string) func(identity.Tenant) ([]identity.TenantEvent, error) {
		return func(t identity.Tenant) ([]identity.TenantEvent, error) { return t.RemovePolicy(name) }
	}
	policy := func(name string, version int, text string) identity.TenantEvent {
		return identity.PolicySet{Name: name, Version: version, Text: text}
	}
	full := acme()
	for i := range identity.MaxPolicies {
		full = append(full, policy(fmt.Sprintf("p%d", i), i+1, "x"))
	}
	longest := strings.Repeat("x", identity.MaxPolicyText)
	runTenant(t, []tenantCase{
		{"first", acme(), set("p", "x"), []identity.TenantEvent{policy("p", 1, "x")}, ""},
		{"changed", acme(policy("p", 1, "x")), set("p", "y"), []identity.TenantEvent{policy("p", 2, "y")}, ""},
		{"unchanged", acme(policy("p", 1, "x")), set("p", "x"), nil, ""},
		{"a removal counts as a change", acme(policy("p", 1, "x"), identity.PolicyRemoved{Name: "p"}), set("p", "x"), []identity.TenantEvent{policy("p", 3, "x")}, ""},
		{"longest text", acme(), set("p", longest), []identity.TenantEvent{policy("p", 1, longest)}, ""},
		{"text too long", acme(), set("p", longest+"x"), nil, "invalid:text"},
		{"no text", acme(), set("p", ""), nil, "invalid:text"},
		{"no name", acme(), set("", "x"), nil, "invalid:policy"},
		{"too many", full, set("one-more", "x"), nil, "invalid:policy"},
		{"one of the full number changed", full, set("p0", "y"), []identity.TenantEvent{policy("p0", identity.MaxPolicies+1, "y")}, ""},
		{"unknown tenant", nil, set("p", "x"), nil, "tenant_not_found"},
		{"removed", acme(policy("p", 1, "x")), remove("p"), []identity.TenantEvent{identity.PolicyRemoved{Name: "p"}}, ""},
		{"unknown", acme(), remove("p"), nil, "policy_not_found"},
	})
}

// Lists come by name, and changing what was returned by a fold changes no
// earlier state.
func TestTenantLists(t *testing.T) {
	t.Parallel()
	before := foldTenant(acme(defined("s", "task.read"), defined("r", "task.*"), identity.PolicySet{Name: "q", Text: "y"}, identity.PolicySet{Name: "p", Text: "x"})...)
	before.Apply(identity.RoleRemoved{Role: "r"}, instant(1))
	before.Apply(identity.PolicyRemoved{Name: "p"}, instant(1))
	roles := []identity.Role{{Name: "r", Permissions: []string{"task.*"}}, {Name: "s", Permissions: []string{"task.read"}}}
	if diff := cmp.Diff(roles, before.RoleList()); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	policies := []identity.Policy{{Name: "p", Text: "x"}, {Name: "q", Text: "y"}}
	if diff := cmp.Diff(policies, before.PolicyList()); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}
