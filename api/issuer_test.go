package api_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// An invitation is worth what its issuer may do when it is spent: nothing
// while the issuer is suspended, or without the right to invite.
func TestInvitationsOfWhoMayNotInvite(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	ctx := t.Context()
	admin := person(t, m, "admin", longPassword, identity.RoleTenantAdmin)
	session, err := m.NewClient(t, "").Login(ctx, client.LoginRequest{Login: "admin", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(time.Hour)
	invited := func(r client.InviteRequest) string {
		r.ExpiresAt = &ends
		made, err := m.NewClient(t, session.AccessToken).Invite(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return made.Invitation
	}
	accept := func(invitation, name string) error {
		_, err := m.NewClient(t, "").Accept(ctx, client.AcceptRequest{Invitation: invitation, Name: name, Password: longPassword})
		return err
	}
	join := func(token string) error {
		_, err := client.Join(ctx, m.NewClient(t, ""), token, "late")
		return err
	}
	guest, later, agent := invited(client.InviteRequest{Kind: "human"}), invited(client.InviteRequest{Kind: "human"}), invited(client.InviteRequest{Kind: "agent"})
	if _, err := m.Client.SuspendPrincipal(ctx, admin, "left"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, accept(guest, "guest"), "invitation_invalid")
	wantCode(t, join(agent), "invitation_invalid")
	if _, err := m.Client.ResumePrincipal(ctx, admin); err != nil {
		t.Fatal(err)
	}
	wantCode(t, accept(guest, "guest"), "invitation_invalid") // the roles went with the suspension
	if _, err := m.Client.Grant(ctx, admin, client.GrantRequest{Role: identity.RoleTenantAdmin}); err != nil {
		t.Fatal(err)
	}
	if err := accept(guest, "guest"); err != nil {
		t.Errorf("of an issuer who may invite again: %v", err)
	}
	if _, err := m.Client.Revoke(ctx, admin, client.GrantRequest{Role: identity.RoleTenantAdmin}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, accept(later, "later"), "invitation_invalid")
	wantCode(t, join(agent), "invitation_invalid")
}
