package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// TestLastAdminForGood: grants that end do not count as admins who stay.
func TestLastAdminForGood(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	grant := func(who string) identity.Grant { return identity.Grant{Principal: who, Role: identity.RoleSuperAdmin} }
	tenant := identity.Tenant{Name: domain.DefaultTenant}
	for who, ends := range map[string]time.Time{"ada": {}, "bob": now.Add(time.Hour), "eve": now.Add(-time.Hour)} {
		tenant = tenant.Apply(identity.RoleGranted{Grant: grant(who), ExpiresAt: ends}, now)
	}
	all := identity.AllRights()
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, identity.ErrLastAdmin) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := tenant.RevokeRole(grant("ada"), "", now, all)
	refused("revoked", err)
	_, err = tenant.GrantRole(grant("ada"), now.Add(time.Minute), now, all)
	refused("limited", err)
	_, err = tenant.Strip("ada", "", now, all)
	refused("suspended", err)
	if _, err = tenant.RevokeRole(grant("bob"), "", now, all); err != nil {
		t.Errorf("one who ends anyway: %v", err)
	}
	if _, err = tenant.GrantRole(grant("bob"), now.Add(time.Minute), now, all); err != nil {
		t.Errorf("one who ends anyway, earlier: %v", err)
	}
	events, err := tenant.GrantRole(grant("bob"), time.Time{}, now, all)
	if err != nil {
		t.Fatal(err)
	}
	tenant = tenant.Apply(events[0], now)
	if _, err = tenant.RevokeRole(grant("ada"), "", now, all); err != nil {
		t.Errorf("beside another who stays: %v", err)
	}
}
