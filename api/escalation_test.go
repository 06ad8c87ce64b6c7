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
	for _, tenant := range []string{"grants", "roles", "last", "keys", "delegates", "invites", "credentials"} {
		makeTenant(t, m, tenant)
	}
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"grants":                testGrantsAboveOneself,
		"roles":                 testRolesAboveOneself,
		"tenant admin as super": testTenantAdminAsSuperAdmin,
		"last admins":           testLastAdmins,
		"scoped key":            testScopedKey,
		"keys that do not work": testKeysThatDoNotWork,
		"delegated token":       testDelegatedToken,
		"join tokens":           testJoinTokens,
		"replays":               testReplays,
		"invitations":           testInvitationsAboveOneself,
		"invitation grows":      testInvitationGrows,
		"credentials of others": testCredentialsOfOthers,
		"suspended":             testSuspended,
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

func testScopedKey(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id, key := makePrincipal(t, m, "keys", domain.Human, "scoped-admin", identity.RoleTenantAdmin)
	other, _ := as(t, m, "keys", "equal", identity.RoleTenantAdmin)
	scopes := []string{"credential.*", "role.*", "invitation.*", "session.end", "principal.*", "identity.read"}
	limited, limitedID := makeKey(t, m, "keys", id, identity.Credential{Scopes: scopes})
	c := m.NewClient(t, limited)
	for _, who := range []string{"me", id} {
		_, err := c.CreateKey(t.Context(), who, client.KeyRequest{})
		wantCode(t, err, "denied")
		_, err = c.CreateKey(t.Context(), who, client.KeyRequest{Scopes: scopes})
		wantCode(t, err, "denied")
		_, err = c.RotateKey(t.Context(), who, limitedID, client.RotateRequest{})
		wantCode(t, err, "denied")
		_, err = c.RemoveCredential(t.Context(), who, limitedID, "")
		wantCode(t, err, "denied")
	}
	_, err := c.CreateKey(t.Context(), other, client.KeyRequest{})
	wantCode(t, err, "escalation")
	_, err = c.Grant(t.Context(), "me", client.GrantRequest{Role: identity.RoleTenantAdmin})
	wantCode(t, err, "escalation")
	_, err = c.Invite(t.Context(), client.InviteRequest{Kind: "human", Roles: []string{identity.RoleViewer}})
	wantCode(t, err, "escalation")
	_, err = c.Exchange(t.Context(), client.ExchangeRequest{Scope: []string{"task.read"}})
	wantCode(t, err, "invalid_field")
	in, err := c.Exchange(t.Context(), client.ExchangeRequest{}) // stays as narrow
	if err != nil {
		t.Fatal(err)
	}
	for _, narrow := range []*client.Client{c, m.NewClient(t, in.AccessToken)} {
		_, err = narrow.Tasks(t.Context(), client.ListOptions{})
		wantCode(t, err, "denied")
		wantCode(t, narrow.ChangePassword(t.Context(), client.PasswordRequest{New: longPassword}), "denied")
	}
	_, err = m.NewClient(t, key).CreateKey(t.Context(), "me", client.KeyRequest{Scopes: []string{"task.read"}})
	if err != nil {
		t.Errorf("with the key without limits: %v", err)
	}
}

func testKeysThatDoNotWork(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id, _ := as(t, m, "keys", "traveller", identity.RoleViewer)
	far, _ := makeKey(t, m, "keys", id, identity.Credential{Networks: []string{"10.0.0.0/8", "fd00::/8"}})
	near, _ := makeKey(t, m, "keys", id, identity.Credential{Networks: []string{"127.0.0.0/8", "::1/128"}})
	_, err := m.NewClient(t, far).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "bad_credential")
	if _, err := m.NewClient(t, near).Tasks(t.Context(), client.ListOptions{}); err != nil {
		t.Errorf("from a network that is allowed: %v", err)
	}
	short, _ := makeKey(t, m, "keys", id, identity.Credential{ExpiresAt: time.Now().Add(300 * time.Millisecond)})
	apitest.Eventually(t, func() bool {
		_, err = m.NewClient(t, short).Tasks(t.Context(), client.ListOptions{})
		return err != nil
	})
	wantCode(t, err, "key_expired")
}

func testDelegatedToken(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, person := as(t, m, "delegates", "person", identity.RoleDeveloper)
	// An agent that may do more than the person: it must not get at it in the person's name.
	agent, agentKey := makePrincipal(t, m, "delegates", domain.Agent, "strong", identity.RoleTenantAdmin)
	other, _ := makePrincipal(t, m, "delegates", domain.Agent, "other")
	given, err := person.Delegate(t.Context(), client.DelegateRequest{Agent: agent, Scope: []string{"task.*", "principal.*", "credential.*"}})
	if err != nil {
		t.Fatal(err)
	}
	c := m.NewClient(t, given.AccessToken)
	if _, err := c.Tasks(t.Context(), client.ListOptions{}); err != nil {
		t.Errorf("what both may: %v", err)
	}
	_, err = c.SuspendPrincipal(t.Context(), other, "") // the agent may, the person may not
	wantCode(t, err, "denied")
	_, err = c.Delegate(t.Context(), client.DelegateRequest{Agent: other, Scope: []string{"task.read"}})
	wantCode(t, err, "denied")
	for _, scope := range [][]string{nil, {"*"}, {"task.read"}, {"principal.*"}} {
		_, err = c.Exchange(t.Context(), client.ExchangeRequest{Scope: scope})
		wantCode(t, err, "denied")
	}
	_, err = c.CreateKey(t.Context(), "me", client.KeyRequest{})
	wantCode(t, err, "denied")
	_, err = c.ApproveDevice(t.Context(), "BCDF-BCDF")
	wantCode(t, err, "denied")
	_, err = person.Delegate(t.Context(), client.DelegateRequest{Agent: agent})
	wantCode(t, err, "invalid_field")
	// An agent's own key does not act for anybody.
	_, err = m.NewClient(t, agentKey).Delegate(t.Context(), client.DelegateRequest{Agent: "no-such-agent", Scope: []string{"task.read"}})
	if err == nil {
		t.Error("delegated to nobody")
	}
}

func testJoinTokens(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	anon := m.NewClient(t, "")
	_, admin := as(t, m, "invites", "join-admin", identity.RoleTenantAdmin)
	soon := time.Now().Add(300 * time.Millisecond)
	expired, err := admin.Invite(t.Context(), client.InviteRequest{Kind: "agent", Name: "late", ExpiresAt: &soon})
	if err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool { return time.Now().After(soon) })
	_, err = client.Join(t.Context(), anon, expired.Invitation, "")
	wantCode(t, err, "invitation_invalid")
	used, err := admin.Invite(t.Context(), client.InviteRequest{Kind: "agent", Name: "once"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Join(t.Context(), anon, used.Invitation, ""); err != nil {
		t.Fatal(err)
	}
	_, err = client.Join(t.Context(), anon, used.Invitation, "twice")
	wantCode(t, err, "invitation_invalid")
	revoked, err := admin.Invite(t.Context(), client.InviteRequest{Kind: "agent", Name: "never"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RevokeInvitation(t.Context(), revoked.ID, ""); err != nil {
		t.Fatal(err)
	}
	_, err = client.Join(t.Context(), anon, revoked.Invitation, "")
	wantCode(t, err, "invitation_invalid")
}

func testReplays(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "replayed", longPassword, identity.RoleViewer)
	anon := m.NewClient(t, "")
	in, err := anon.Login(t.Context(), client.LoginRequest{Login: "replayed", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.NewClient(t, in.RefreshToken).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "bad_credential") // a refresh token is no access token
	_, err = anon.Refresh(t.Context(), in.AccessToken)
	wantCode(t, err, "refresh_invalid")
	d, err := anon.BeginDevice(t.Context(), client.DeviceRequest{Client: "tv"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewClient(t, in.AccessToken).ApproveDevice(t.Context(), d.UserCode); err != nil {
		t.Fatal(err)
	}
	if _, err := anon.FinishDevice(t.Context(), d.DeviceCode); err != nil {
		t.Fatal(err)
	}
	_, err = anon.FinishDevice(t.Context(), d.DeviceCode)
	wantCode(t, err, "expired_token")
	_, err = m.NewClient(t, d.DeviceCode).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "bad_credential")
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
	as(t, m, "invites", "another-admin", identity.RoleTenantAdmin) // so that nobody is the last
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
	_, err = m.Commands.RevokeRole(t.Context(), by, commands.Meta{}, identity.Grant{Principal: pilotID, Role: identity.RolePilotManager}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.NewClient(t, "").Accept(t.Context(), client.AcceptRequest{Invitation: withRole.Invitation, Password: longPassword})
	wantCode(t, err, "escalation") // the issuer has lost what the invitation gives
}

func testCredentialsOfOthers(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, owner := as(t, m, "credentials", "owner", identity.RoleTenantAdmin)
	if _, err := owner.DefineRole(t.Context(), client.Role{Name: "keeper", Permissions: []string{"credential.manage", "session.end", "identity.read", "principal.suspend"}}); err != nil {
		t.Fatal(err)
	}
	_, keeper := as(t, m, "credentials", "keeper", "keeper")
	strong, key := makePrincipal(t, m, "credentials", domain.Human, "strong", identity.RoleDeveloper)
	_, err := keeper.CreateKey(t.Context(), strong, client.KeyRequest{})
	wantCode(t, err, "escalation")
	p, err := m.NewClient(t, key).Principal(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	for _, overlap := range []int64{0, 1000} {
		_, err = keeper.RotateKey(t.Context(), strong, p.Credentials[0].ID, client.RotateRequest{OverlapMS: &overlap})
		wantCode(t, err, "escalation")
	}
	_, err = keeper.RemoveCredential(t.Context(), strong, p.Credentials[0].ID, "")
	wantCode(t, err, "escalation") // else its bearer is shut out
	weak, _ := as(t, m, "credentials", "weak")
	made, err := keeper.CreateKey(t.Context(), weak, client.KeyRequest{})
	if err != nil {
		t.Fatalf("of somebody with fewer rights: %v", err)
	}
	_, err = m.NewClient(t, made.Key).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "denied")
}

func testSuspended(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id, key := makePrincipal(t, m, "credentials", domain.Human, "leaver", identity.RoleDeveloper)
	c := m.NewClient(t, key)
	in, err := c.Exchange(t.Context(), client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Commands.SuspendPrincipal(t.Context(), rootAt(m, "credentials"), commands.Meta{}, id, "left"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client.Client{c, m.NewClient(t, in.AccessToken)} {
		_, err = c.Tasks(t.Context(), client.ListOptions{})
		wantCode(t, err, "bad_credential")
		_, err = c.WhoAmI(t.Context())
		wantCode(t, err, "bad_credential")
		_, err = c.Exchange(t.Context(), client.ExchangeRequest{})
		wantCode(t, err, "bad_credential")
	}
}
