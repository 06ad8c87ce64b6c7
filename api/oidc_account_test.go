package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/oidc/oidctest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func testUnknownAccount(t *testing.T, m *apitest.Mesh) {
	b := newBrowser(t, m)
	unknown := b.logIn(t, "closed", oidctest.Ada, "") // though the default tenant knows her
	unknown.wantProblem(t, http.StatusForbidden, "account_unknown")
	for _, says := range []string{`"id1"`, "mesh principal link NAME --provider closed"} {
		if !strings.Contains(unknown.problem.Detail, says) {
			t.Errorf("%s does not say %s", unknown.problem.Detail, says)
		}
	}
	id, _ := makePrincipal(t, m, "acme", domain.Human, "ada")
	other, _ := makePrincipal(t, m, "acme", domain.Human, "eve")
	_, poor := makePrincipal(t, m, "acme", domain.Human, "keeper", identity.RoleTenantAdmin)
	keeper := m.NewClient(t, poor)
	root, err := client.New(client.Config{URL: m.URL, Token: m.Token, Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Close)
	if _, err := root.DefineRole(t.Context(), client.Role{Name: "linker", Permissions: []string{"credential.manage"}}); err != nil {
		t.Fatal(err)
	}
	_, poor = makePrincipal(t, m, "acme", domain.Human, "linker", "linker")
	_, err = m.NewClient(t, poor).LinkAccount(t.Context(), "ada", client.AccountRequest{Provider: "closed", Subject: "id1"})
	wantCode(t, err, "escalation") // the provider gives more
	account := client.AccountRequest{Provider: "closed", Subject: "id1"}
	if _, err := keeper.LinkAccount(t.Context(), "ada", account); err != nil { // her roles cover the map
		t.Fatal(err)
	}
	_, err = root.LinkAccount(t.Context(), other, account)
	wantCode(t, err, "account_taken")
	_, err = root.LinkAccount(t.Context(), other, client.AccountRequest{Provider: "corp", Subject: "id9"})
	wantCode(t, err, "provider_not_found") // it is the default tenant's
	if in := b.logIn(t, "closed", oidctest.Ada, ""); in.status != http.StatusOK || !strings.Contains(in.text, "You are ada<") {
		t.Errorf("after it was linked: %d %s", in.status, in.text)
	}
	if got := m.Directory.Roles(identity.Ref{Tenant: "acme", ID: id}, time.Now()); !slices.Equal(got, []string{identity.RoleAuditor, identity.RoleDeveloper}) {
		t.Errorf("roles %v", got)
	}
}

// testRemovedAccount: an account that was taken from its principal does not
// come back by signing up anew, and takes its roles along.
func testRemovedAccount(t *testing.T, m *apitest.Mesh) {
	ada, _ := m.Directory.PrincipalNamed(domain.DefaultTenant, adaName)
	accounts := ada.Of(identity.CredentialOIDC)
	if len(accounts) != 1 {
		t.Fatalf("accounts %v", accounts)
	}
	if _, err := m.Client.RemoveCredential(t.Context(), ada.ID, accounts[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	want := []string{identity.RoleDeveloper, identity.RoleOperator} // somebody granted them
	if diff := cmp.Diff(want, m.Directory.Roles(identity.Ref{Tenant: domain.DefaultTenant, ID: ada.ID}, time.Now())); diff != "" {
		t.Errorf("roles -want +got\n%s", diff)
	}
	newBrowser(t, m).logIn(t, "corp", oidctest.Ada, "").wantProblem(t, http.StatusForbidden, "account_removed")
}

// testTakenName: whoever signs up under the name of somebody else becomes
// another.
func testTakenName(t *testing.T, m *apitest.Mesh) {
	id, _ := makePrincipal(t, m, domain.DefaultTenant, domain.Human, oidctest.Bob)
	if in := newBrowser(t, m).logIn(t, "corp", oidctest.Bob, ""); in.status != http.StatusOK || !strings.Contains(in.text, "You are "+oidctest.Bob+"-") {
		t.Errorf("%d %s", in.status, in.text)
	}
	p, _ := m.Directory.Principal(identity.Ref{Tenant: domain.DefaultTenant, ID: id})
	if len(p.Of(identity.CredentialOIDC)) > 0 || len(m.Directory.Roles(identity.Ref{Tenant: domain.DefaultTenant, ID: id}, time.Now())) > 0 {
		t.Errorf("the account went to %+v", p)
	}
}

func testSuspendedAccount(t *testing.T, m *apitest.Mesh) {
	b := newBrowser(t, m)
	if in := b.logIn(t, "corp", oidctest.Bob, ""); in.status != http.StatusOK {
		t.Fatalf("%d %s", in.status, in.text)
	}
	all := m.Directory.PrincipalsOf(domain.DefaultTenant)
	i := slices.IndexFunc(all, func(p identity.Principal) bool { return strings.HasPrefix(p.Name, oidctest.Bob+"-") })
	if i < 0 {
		t.Fatal("nobody has signed up")
	}
	bob := all[i]
	if _, err := m.Client.SuspendPrincipal(t.Context(), bob.ID, "left"); err != nil {
		t.Fatal(err)
	}
	refused := b.logIn(t, "corp", oidctest.Bob, "")
	refused.wantProblem(t, http.StatusForbidden, "denied")
	if !strings.Contains(refused.problem.Detail, "suspended") {
		t.Errorf("%s does not say why", refused.problem.Detail)
	}
}
