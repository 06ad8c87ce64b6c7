package api_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// TestEscalation: nobody gets more than was granted.
func TestEscalation(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	awaitModels(t, m)
	for _, tenant := range []string{"grants", "roles", "last", "keys", "delegates", "invites", "credentials", "teams", "members"} {
		makeTenant(t, m, tenant)
	}
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"grants":                 testGrantsAboveOneself,
		"roles":                  testRolesAboveOneself,
		"tenant admin as super":  testTenantAdminAsSuperAdmin,
		"last admins":            testLastAdmins,
		"scoped key":             testScopedKey,
		"keys that do not work":  testKeysThatDoNotWork,
		"delegated token":        testDelegatedToken,
		"join tokens":            testJoinTokens,
		"replays":                testReplays,
		"invitations":            testInvitationsAboveOneself,
		"invitation grows":       testInvitationGrows,
		"credentials of others":  testCredentialsOfOthers,
		"credentials of members": testCredentialsOfMembers,
		"teams":                  testTeams,
		"memory leaks":           testMemoryLeaks,
		"memory events":          testMemoryEvents,
		"suspended":              testSuspended,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// as makes a principal and returns a client that acts with its key.
func as(t *testing.T, m *apitest.Mesh, tenant, name string, roles ...string) (id string, c *client.Client) {
	t.Helper()
	id, key := makePrincipal(t, m, tenant, domain.Human, name, roles...)
	return id, m.NewClient(t, key)
}

func testGrantsAboveOneself(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id, pilot := as(t, m, "grants", "pilot", identity.RolePilotManager)
	other, _ := as(t, m, "grants", "other")
	if _, err := pilot.DefineRole(t.Context(), client.Role{Name: "x", Permissions: []string{"task.read"}}); err == nil {
		t.Error("a pilot manager defines roles")
	}
	for _, role := range []string{identity.RoleTenantAdmin, identity.RoleSuperAdmin} {
		for _, who := range []string{id, other, "me"} {
			_, err := pilot.Grant(t.Context(), who, client.GrantRequest{Role: role})
			wantCode(t, err, "escalation")
		}
	}
	if _, err := pilot.Grant(t.Context(), other, client.GrantRequest{Role: identity.RoleViewer}); err != nil {
		t.Errorf("a role below one's own: %v", err)
	}
	_, dev := as(t, m, "grants", "dev", identity.RoleDeveloper)
	_, err := dev.Grant(t.Context(), "me", client.GrantRequest{Role: identity.RoleViewer})
	wantCode(t, err, "denied")
	_, admin := as(t, m, "grants", "admin", identity.RoleTenantAdmin)
	_, err = admin.Grant(t.Context(), "me", client.GrantRequest{Role: identity.RoleSuperAdmin})
	if err == nil {
		t.Error("a tenant admin makes himself a super admin")
	}
	_, err = admin.Revoke(t.Context(), m.Root, client.GrantRequest{Role: identity.RoleSuperAdmin})
	wantCode(t, err, "principal_not_found")
}

func testRolesAboveOneself(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, admin := as(t, m, "roles", "admin", identity.RoleTenantAdmin)
	if _, err := admin.DefineRole(t.Context(), client.Role{Name: "definer", Permissions: []string{"role.*", "task.read"}}); err != nil {
		t.Fatal(err)
	}
	_, definer := as(t, m, "roles", "definer", "definer")
	for _, permissions := range [][]string{{"*"}, {"task.*"}, {"role.*", "task.read", "task.submit"}} {
		for _, name := range []string{"definer", "fresh"} { // one that is held, and a new one
			_, err := definer.DefineRole(t.Context(), client.Role{Name: name, Permissions: permissions})
			wantCode(t, err, "escalation")
		}
	}
	for _, role := range []string{identity.RoleViewer, identity.RoleSuperAdmin} {
		_, err := admin.DefineRole(t.Context(), client.Role{Name: role, Permissions: []string{"task.*"}})
		wantCode(t, err, "invalid_field")
		_, err = admin.RemoveRole(t.Context(), role)
		wantCode(t, err, "invalid_field")
	}
	if _, err := admin.DefineRole(t.Context(), client.Role{Name: "strong", Permissions: []string{"task.*"}}); err != nil {
		t.Fatal(err)
	}
	_, err := definer.DefineRole(t.Context(), client.Role{Name: "strong", Permissions: []string{"task.read"}})
	wantCode(t, err, "escalation") // to weaken what is above oneself
	_, err = definer.RemoveRole(t.Context(), "strong")
	wantCode(t, err, "escalation")
}

// testTenantAdminAsSuperAdmin: in the default tenant, where grants reach over
// the mesh, its admin has less than a super admin.
func testTenantAdminAsSuperAdmin(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, admin := as(t, m, domain.DefaultTenant, "default-admin", identity.RoleTenantAdmin)
	super, _ := as(t, m, domain.DefaultTenant, "super", identity.RoleSuperAdmin)
	_, err := admin.Grant(t.Context(), "me", client.GrantRequest{Role: identity.RoleSuperAdmin})
	wantCode(t, err, "escalation")
	_, err = admin.Grant(t.Context(), "me", client.GrantRequest{Role: identity.RoleOperator})
	wantCode(t, err, "escalation") // which holds projection.* here
	for _, permissions := range [][]string{{"*"}, {"tenant.create"}, {"tenant.*"}, {"key.rotate"}} {
		_, err = admin.DefineRole(t.Context(), client.Role{Name: "more", Permissions: permissions})
		wantCode(t, err, "escalation")
	}
	_, err = admin.Invite(t.Context(), client.InviteRequest{Kind: "human", Roles: []string{identity.RoleSuperAdmin}})
	wantCode(t, err, "escalation")
	for _, who := range []string{super, m.Root} {
		_, err = admin.Revoke(t.Context(), who, client.GrantRequest{Role: identity.RoleSuperAdmin})
		wantCode(t, err, "escalation")
		_, err = admin.SuspendPrincipal(t.Context(), who, "mine now")
		wantCode(t, err, "escalation")
		_, err = admin.CreateKey(t.Context(), who, client.KeyRequest{})
		wantCode(t, err, "escalation")
		_, err = admin.Invite(t.Context(), client.InviteRequest{Kind: "human", Principal: who})
		wantCode(t, err, "escalation")
	}
	_, err = admin.CreateTenant(t.Context(), client.TenantRequest{Name: "mine"})
	wantCode(t, err, "denied")
}

func testLastAdmins(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id, admin := as(t, m, "last", "only-admin", identity.RoleTenantAdmin)
	soon := time.Now().Add(time.Hour)
	_, err := admin.Revoke(t.Context(), "me", client.GrantRequest{Role: identity.RoleTenantAdmin})
	wantCode(t, err, "last_admin")
	_, err = admin.SuspendPrincipal(t.Context(), id, "gone")
	wantCode(t, err, "last_admin")
	_, err = admin.Grant(t.Context(), "me", client.GrantRequest{Role: identity.RoleTenantAdmin, ExpiresAt: &soon})
	wantCode(t, err, "last_admin")

	alone := apitest.Start(t, apitest.Config{})
	_, err = alone.Client.Revoke(t.Context(), "me", client.GrantRequest{Role: identity.RoleSuperAdmin})
	wantCode(t, err, "last_admin")
	_, err = alone.Client.SuspendPrincipal(t.Context(), alone.Root, "gone")
	wantCode(t, err, "last_admin")
	_, err = alone.Client.SuspendTenant(t.Context(), domain.DefaultTenant, "gone")
	wantCode(t, err, "invalid_field")
	// A second one who is suspended, or whose grant ends, does not count.
	second, _ := as(t, alone, domain.DefaultTenant, "second", identity.RoleSuperAdmin)
	if _, err := alone.Client.SuspendPrincipal(t.Context(), second, "gone"); err != nil {
		t.Fatal(err)
	}
	_, err = alone.Client.Revoke(t.Context(), "me", client.GrantRequest{Role: identity.RoleSuperAdmin})
	wantCode(t, err, "last_admin")
}

func testInvitationsAboveOneself(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, pilot := as(t, m, "invites", "pilot", identity.RolePilotManager)
	strong, _ := as(t, m, "invites", "strong", identity.RoleTenantAdmin)
	for _, roles := range [][]string{{identity.RoleTenantAdmin}, {identity.RoleSuperAdmin}, {identity.RoleViewer, identity.RoleTenantAdmin}} {
		_, err := pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Roles: roles})
		wantCode(t, err, "escalation")
	}
	_, err := pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Principal: strong})
	wantCode(t, err, "escalation")
	_, err = pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Roles: []string{"no-such-role"}})
	wantCode(t, err, "role_not_found")
	if _, err := pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Roles: []string{identity.RoleViewer}}); err != nil {
		t.Errorf("a role below one's own: %v", err)
	}
}

// testInvitationGrows: a new way in that was offered while a principal could do
// little does not open what the principal may do by the time it is taken.
func testInvitationGrows(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	pilotID, pilot := as(t, m, "invites", "grower", identity.RolePilotManager)
	grown, _ := as(t, m, "invites", "grown")
	suspended, _ := as(t, m, "invites", "suspended", "tenant-admin")
	by := rootAt(m, "invites")
	grant := func(who, role string) {
		t.Helper()
		if _, err := m.Commands.GrantRole(t.Context(), by, commands.Meta{}, identity.Grant{Principal: who, Role: role}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	toGrown, err := pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Principal: grown})
	if err != nil {
		t.Fatal(err)
	}
	withRole, err := pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Name: "too-late", Roles: []string{identity.RoleViewer}})
	if err != nil {
		t.Fatal(err)
	}
	_, admin := as(t, m, "invites", "another-admin", identity.RoleTenantAdmin) // so that nobody is the last
	if _, err := m.Commands.SuspendPrincipal(t.Context(), by, commands.Meta{}, suspended, ""); err != nil {
		t.Fatal(err)
	}
	toSuspended, err := pilot.Invite(t.Context(), client.InviteRequest{Kind: "human", Principal: suspended})
	if err == nil { // it holds nothing now
		if _, err := m.Commands.ResumePrincipal(t.Context(), by, commands.Meta{}, suspended); err != nil {
			t.Fatal(err)
		}
		grant(suspended, identity.RoleTenantAdmin)
		_, err = m.NewClient(t, "").Accept(t.Context(), client.AcceptRequest{Invitation: toSuspended.Invitation, Password: longPassword})
	}
	wantCode(t, err, "escalation")
	grant(grown, identity.RoleTenantAdmin)
	_, err = m.NewClient(t, "").Accept(t.Context(), client.AcceptRequest{Invitation: toGrown.Invitation, Password: longPassword})
	wantCode(t, err, "escalation")
	if _, err := admin.DefineRole(t.Context(), client.Role{Name: "inviter", Permissions: []string{"invitation.issue"}}); err != nil {
		t.Fatal(err)
	}
	grant(pilotID, "inviter")
	_, err = m.Commands.RevokeRole(t.Context(), by, commands.Meta{}, identity.Grant{Principal: pilotID, Role: identity.RolePilotManager}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.NewClient(t, "").Accept(t.Context(), client.AcceptRequest{Invitation: withRole.Invitation, Password: longPassword})
	wantCode(t, err, "escalation") // the issuer has lost what the invitation gives
}
