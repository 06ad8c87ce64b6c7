package identity_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func provided(who, role string) identity.TenantEvent {
	return identity.RoleProvided{Grant: grant(who, role), Origin: "oidc.1"}
}

func revoked(who, role string) identity.TenantEvent {
	return identity.RoleRevoked{Grant: grant(who, role), Reason: "the login provider gives it no longer"}
}

func TestProvide(t *testing.T) {
	t.Parallel()
	super := identity.RoleSuperAdmin
	other := identity.RoleProvided{Grant: grant("a", "viewer"), Origin: "oidc.2"}
	for _, c := range []struct {
		name  string
		given []identity.TenantEvent
		roles []string
		want  []identity.TenantEvent
		left  []string
		fails domain.Kind
	}{
		{"new", acme(), []string{"developer", "viewer"}, []identity.TenantEvent{provided("a", "developer"), provided("a", "viewer")}, nil, 0},
		{"held", acme(provided("a", "viewer")), []string{"viewer"}, nil, nil, 0},
		{"gone", acme(provided("a", "viewer"), provided("a", "developer")), []string{"viewer"}, []identity.TenantEvent{revoked("a", "developer")}, nil, 0},
		{"all gone", acme(provided("a", "viewer")), nil, []identity.TenantEvent{revoked("a", "viewer")}, nil, 0},
		{"of somebody else", acme(provided("b", "viewer")), nil, nil, nil, 0},
		{"granted by a principal", acme(granted("a", "viewer", never)), []string{"viewer"}, nil, nil, 0},
		{"granted by a principal, and gone", acme(granted("a", "viewer", never)), nil, nil, nil, 0},
		{"granted by a principal after it was provided", acme(provided("a", "viewer"), granted("a", "viewer", never)), nil, nil, nil, 0},
		{"granted by a principal, and ended", acme(granted("a", "viewer", instant(9))), []string{"viewer"}, []identity.TenantEvent{provided("a", "viewer")}, nil, 0},
		{"of another origin", acme(other), nil, nil, nil, 0},
		{"of another origin, and here", acme(other), []string{"viewer"}, nil, nil, 0},
		{"unknown role", acme(), []string{"none", "viewer"}, []identity.TenantEvent{provided("a", "viewer")}, []string{"none"}, 0},
		{"super-admin, said so", mesh(), []string{super}, []identity.TenantEvent{provided("a", super)}, nil, 0},
		{"the last super-admin", mesh(provided("a", super)), nil, nil, []string{super}, 0},
		{"one of two super-admins", mesh(provided("a", super), granted("b", super, never)), nil, []identity.TenantEvent{revoked("a", super)}, nil, 0},
		{"super-admin of a tenant", acme(), []string{super}, nil, nil, domain.Invalid},
		{"unknown tenant", nil, []string{"viewer"}, nil, nil, domain.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var tenant identity.Tenant
			for _, e := range c.given {
				tenant = tenant.Apply(e, instant(1))
			}
			got, left, err := tenant.Provide("a", "oidc.1", c.roles, instant(30))
			if domain.KindOf(err) != c.fails || c.fails == 0 && err != nil {
				t.Fatalf("got %v, want %v", err, c.fails)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(identity.RoleProvided{}, identity.RoleRevoked{})); diff != "" || !slices.Equal(left, c.left) {
				t.Errorf("left %v, want %v; events -want +got\n%s", left, c.left, diff)
			}
		})
	}
}

// TestGrantOfProvidedRole: once somebody grants it, it is theirs to take.
func TestGrantOfProvidedRole(t *testing.T) {
	t.Parallel()
	runTenant(t, []tenantCase{
		{"provided", acme(provided("a", "viewer")), give(tenantWide(), "a", "viewer", never), []identity.TenantEvent{granted("a", "viewer", never)}, ""},
	})
}
