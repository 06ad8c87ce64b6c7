package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/auth/oidc/oidctest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	publicURL = "http://127.0.0.1:8080" // where the provider sends browsers; the tests carry them to the mesh
	backPath  = "/v1/auth/oidc/callback"
)

// corp is a provider whose people may sign up, with the groups of zitadel's.
func corp(issuer string) login.ProviderConfig {
	return login.ProviderConfig{SignUp: true, Config: oidc.Config{
		Name: "corp", Tenant: domain.DefaultTenant, Issuer: issuer, ClientID: oidctest.ClaimsClient, ClientSecret: oidctest.Secret,
		Roles: map[string][]string{"admins": {identity.RoleAuditor}, "staff": {identity.RoleDeveloper}},
	}}
}

const adaName = "test-user-127.0.0.1" // what oidctest.Ada is called here

// TestProviderLogin takes people through a real provider.
func TestProviderLogin(t *testing.T) {
	t.Parallel()
	issuer := oidctest.Start(t, publicURL+backPath)
	later, closed, down := corp(issuer), corp(issuer), corp("http://127.0.0.1:1/")
	later.Name, later.Roles = "later", nil
	closed.Name, closed.Tenant, closed.SignUp = "closed", "acme", false
	down.Name = "down"
	m := apitest.Start(t, apitest.Config{PublicURL: publicURL, Providers: []login.ProviderConfig{corp(issuer), later, closed, down}})
	makeTenant(t, m, "acme")
	for _, test := range []struct {
		name string
		run  func(*testing.T, *apitest.Mesh)
	}{ // in this order: they share people
		{"from the command line", testProviderForProgram},
		{"roles follow the provider", testProvidedRoles},
		{"nobody else's browser", testOtherBrowser},
		{"an answer counts once", testReplayedCallback},
		{"unknown until linked", testUnknownAccount},
		{"an account that was taken away", testRemovedAccount},
		{"a name that is taken", testTakenName},
		{"suspended", testSuspendedAccount},
		{"provider down", testProviderDown},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, m) })
	}
	t.Run("cookie", func(t *testing.T) { testTicketCookie(t, issuer) })
}

// testProviderForProgram is a login from the command line to tokens that work.
func testProviderForProgram(t *testing.T, m *apitest.Mesh) {
	stranger := m.NewClient(t, "")
	if names, err := stranger.Providers(t.Context()); err != nil || !slices.Equal(names, []string{"closed", "corp", "down", "later"}) {
		t.Fatalf("providers: %v %v", names, err)
	}
	d, err := stranger.BeginDevice(t.Context(), client.DeviceRequest{Client: "mesh-cli"})
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, m)
	question := b.logIn(t, "corp", oidctest.Ada, d.UserCode)
	form := question.consent(t)
	for _, says := range []string{d.UserCode, "mesh-cli", adaName} {
		if !strings.Contains(question.text, says) {
			t.Errorf("the page does not say %s: %s", says, question.text)
		}
	}
	_, err = stranger.FinishDevice(t.Context(), d.DeviceCode)
	wantCode(t, err, "authorization_pending") // until the person says so
	if done := b.open(t, "POST", "/v1/auth/oidc/consent", form); done.status != http.StatusOK {
		t.Fatalf("consent: %d %s", done.status, done.text)
	}
	b.open(t, "POST", "/v1/auth/oidc/consent", form).wantProblem(t, http.StatusUnauthorized, "oidc_failed")
	tokens, err := stranger.FinishDevice(t.Context(), d.DeviceCode)
	if err != nil {
		t.Fatal(err)
	}
	me, err := m.NewClient(t, tokens.AccessToken).WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{identity.RoleAuditor, identity.RoleDeveloper}, me.Roles); diff != "" || me.Name != adaName {
		t.Errorf("%s with roles (-want +got) %s", me.Name, diff)
	}
	if s, ok := m.Directory.Session(tokens.Session, time.Now()); !ok || !slices.Equal(s.Methods, []string{"device", "oidc"}) {
		t.Errorf("session %+v", s)
	}
	b.logIn(t, "corp", oidctest.Ada, "") // a second login, of an account that is known
	wantTypes(t, m, me.Principal, "principal.created", "credential.set", "credential.used")
}

// wantTypes compares the types of a principal's events.
func wantTypes(t *testing.T, m *apitest.Mesh, id string, want ...string) {
	t.Helper()
	records, err := m.Store.History(t.Context(), eventstore.Entity{Tenant: domain.DefaultTenant, Kind: identity.EntityKind, ID: id}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.Type)
		if r.Actor != id {
			t.Errorf("%s by %s", r.Type, r.Actor)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events -want +got\n%s", diff)
	}
}

// testProvidedRoles: what somebody granted stays, whatever the provider says.
func testProvidedRoles(t *testing.T, m *apitest.Mesh) {
	ada, ok := m.Directory.PrincipalNamed(domain.DefaultTenant, adaName)
	if !ok {
		t.Fatal("nobody has signed up")
	}
	for _, role := range []string{identity.RoleOperator, identity.RoleDeveloper} { // the second is held already, from the provider
		if _, err := m.Client.Grant(t.Context(), ada.ID, client.GrantRequest{Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	b := newBrowser(t, m)
	for _, step := range []struct {
		provider string
		want     []string
	}{
		{"later", []string{identity.RoleDeveloper, identity.RoleOperator}},
		{"corp", []string{identity.RoleAuditor, identity.RoleDeveloper, identity.RoleOperator}},
	} {
		if in := b.logIn(t, step.provider, oidctest.Ada, ""); in.status != http.StatusOK {
			t.Fatalf("%d %s", in.status, in.text)
		}
		if diff := cmp.Diff(step.want, m.Directory.Roles(identity.Ref{Tenant: domain.DefaultTenant, ID: ada.ID}, time.Now())); diff != "" {
			t.Errorf("after a login at %s: -want +got\n%s", step.provider, diff)
		}
	}
}

// testOtherBrowser: an answer that was got in one browser is of no use in
// another, neither without its ticket nor with that of another login.
func testOtherBrowser(t *testing.T, m *apitest.Mesh) {
	mine, yours := newBrowser(t, m), newBrowser(t, m)
	back := atProvider(t, mine.begin(t, "corp", ""), oidctest.Ada)
	yours.open(t, "GET", back, nil).wantProblem(t, http.StatusUnauthorized, "oidc_failed")
	yours.begin(t, "corp", "")
	yours.open(t, "GET", back, nil).wantProblem(t, http.StatusUnauthorized, "oidc_failed")
	yours.cookie = &http.Cookie{Name: "mesh-login", Value: "../user.BCDFGHJK"}
	yours.open(t, "GET", back, nil).wantProblem(t, http.StatusUnauthorized, "oidc_failed")
	if in := mine.open(t, "GET", back, nil); in.status != http.StatusOK {
		t.Errorf("the browser that began: %d %s", in.status, in.text)
	}
}

func testReplayedCallback(t *testing.T, m *apitest.Mesh) {
	b := newBrowser(t, m)
	to := b.begin(t, "corp", "")
	ticket := b.cookie
	back := atProvider(t, to, oidctest.Ada)
	if in := b.open(t, "GET", back, nil); in.status != http.StatusOK || b.cookie != nil {
		t.Fatalf("%d %s, and the ticket stays: %v", in.status, in.text, b.cookie)
	}
	b.cookie = ticket
	again := b.open(t, "GET", back, nil)
	again.wantProblem(t, http.StatusUnauthorized, "oidc_failed")
	if !strings.Contains(again.problem.Detail, "begin again") {
		t.Errorf("it is the provider that refused, not the ticket: %s", again.text)
	}
}

func testProviderDown(t *testing.T, m *apitest.Mesh) {
	b := newBrowser(t, m)
	down := b.open(t, "GET", "/v1/auth/oidc/down/start", nil)
	down.wantProblem(t, http.StatusServiceUnavailable, "oidc_unavailable")
	if down.header.Get("Retry-After") == "" || b.cookie != nil {
		t.Errorf("%v", down.header)
	}
	b.open(t, "GET", "/v1/auth/oidc/nobody/start", nil).wantProblem(t, http.StatusNotFound, "provider_not_found")
	b.open(t, "GET", "/v1/auth/oidc/corp/start?device=x", nil).wantProblem(t, http.StatusUnprocessableEntity, "invalid_field")
	b.html = true
	if page := b.open(t, "GET", "/v1/auth/oidc/down/start", nil); page.status != http.StatusServiceUnavailable || !strings.Contains(page.text, "<h1>") {
		t.Errorf("a person sees %d %s", page.status, page.text)
	}
}

// testTicketCookie: scripts and other sites do not get the ticket, nor, where
// browsers come by https, other hosts or whoever reads along.
func testTicketCookie(t *testing.T, issuer string) {
	for public, want := range map[string]http.Cookie{
		publicURL:                  {Name: "mesh-login", Path: "/v1/auth/oidc/"},
		"https://mesh.example.com": {Name: "__Host-mesh-login", Path: "/", Secure: true},
	} {
		m := apitest.Start(t, apitest.Config{PublicURL: public, Providers: []login.ProviderConfig{corp(issuer)}, HeldBack: true, NoDatabase: true})
		b := newBrowser(t, m)
		to := b.begin(t, "corp", "")
		got := b.cookie
		if got == nil || got.Name != want.Name || got.Path != want.Path || got.Secure != want.Secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Domain != "" || got.MaxAge != 600 {
			t.Errorf("%s: %v", public, got)
		}
		if !strings.Contains(to, url.QueryEscape(public+backPath)) {
			t.Errorf("%s does not lead back to %s", to, public)
		}
	}
}
