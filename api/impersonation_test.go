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
