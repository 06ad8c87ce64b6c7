package api_test

import (
	"slices"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func testTeams(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, owner := as(t, m, "teams", "owner", identity.RoleTenantAdmin)
	id, member := as(t, m, "teams", "member", identity.RoleViewer)
	for _, teams := range [][]string{{"red", "blue"}, {"green"}, nil} {
		if _, err := owner.SetTeams(t.Context(), "member", teams); err != nil {
			t.Fatal(err)
		}
		p, err := member.Principal(t.Context(), "me")
		want := slices.Sorted(slices.Values(teams))
		if err != nil || !slices.Equal(p.Teams, want) || !slices.Equal(m.Directory.Teams("teams", id), want) {
			t.Errorf("teams %v, %v; want %v", p.Teams, err, want)
		}
	}
	_, err := member.SetTeams(t.Context(), "me", []string{"red"})
	wantCode(t, err, "denied")
	_, err = owner.SetTeams(t.Context(), "member", []string{"no team"})
	wantCode(t, err, "invalid_field")
	_, err = owner.SetTeams(t.Context(), "nobody", []string{"red"})
	wantCode(t, err, "principal_not_found")
	for _, body := range []string{``, `{}`, `{"teams":null}`, `{"teams":"red"}`} { // none of them takes it out of every team
		if r := ask(t, m, "POST", "/v1/principals/me/teams", body); r.status < 400 || r.status >= 500 {
			t.Errorf("%q: %d %s", body, r.status, r.body)
		}
	}
}

// testCredentialsOfMembers: who may set credentials gets no further by those
// of somebody who recalls more.
func testCredentialsOfMembers(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, owner := as(t, m, "members", "owner", identity.RoleTenantAdmin)
	for name, permissions := range map[string][]string{
		"keeper": {"credential.manage", "memory.read"}, "grouper": {"credential.manage", "memory.read", "principal.group"},
		"reader": {"credential.manage", "memory.*"}, "recaller": {"memory.read"}, "watcher": {"credential.manage"},
	} {
		if _, err := owner.DefineRole(t.Context(), client.Role{Name: name, Permissions: permissions}); err != nil {
			t.Fatal(err)
		}
	}
	_, keeper := as(t, m, "members", "keeper", "keeper")
	_, grouper := as(t, m, "members", "grouper", "grouper")
	_, reader := as(t, m, "members", "reader", "reader")
	member, _ := as(t, m, "members", "member", "recaller")
	idle, _ := as(t, m, "members", "idle", "watcher") // in the team, and reads no memory
	put := func(who string, teams ...string) {
		t.Helper()
		if _, err := owner.SetTeams(t.Context(), who, teams); err != nil {
			t.Fatal(err)
		}
	}
	put(member, "blue", "red")
	put(idle, "blue", "red")
	put("keeper", "red")
	_, err := keeper.CreateKey(t.Context(), member, client.KeyRequest{})
	wantCode(t, err, "escalation")
	for who, c := range map[string]*client.Client{"may join": grouper, "recalls all": reader} {
		if _, err := c.CreateKey(t.Context(), member, client.KeyRequest{}); err != nil {
			t.Errorf("who %s: %v", who, err)
		}
	}
	if _, err := keeper.CreateKey(t.Context(), idle, client.KeyRequest{}); err != nil {
		t.Errorf("of a member who reads no memory: %v", err)
	}
	put("keeper", "red", "blue", "green")
	if _, err := keeper.CreateKey(t.Context(), member, client.KeyRequest{}); err != nil {
		t.Errorf("who is in the same teams: %v", err)
	}
}
