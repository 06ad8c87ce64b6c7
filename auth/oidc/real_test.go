package oidc_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/auth/oidc/oidctest"
	"github.com/hivemesh/hivemesh/domain"
)

const redirect = "http://127.0.0.1:8080/v1/auth/oidc/callback"

// provider returns a Provider whose connections end with the test.
func provider(t *testing.T, cfg oidc.Config) *oidc.Provider {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p, err := oidc.New(cfg, oidc.Env{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func begin(t *testing.T, p *oidc.Provider) (string, oidc.State) {
	t.Helper()
	to, s, err := p.Begin(t.Context(), redirect)
	if err != nil {
		t.Fatalf("begin: %v (%v)", err, errors.Unwrap(err))
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back oidc.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return to, back
}

// refused checks that err says no more than it should, and has a cause for logs.
func refused(t *testing.T, err error) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.Unauthenticated || e.Code != "oidc_failed" || e.Err == nil {
		t.Fatalf("got %v, want it refused as oidc_failed with a cause", err)
	}
	if got, want := e.Error(), "the login at the provider was not accepted; try again"; got != want {
		t.Errorf("the message %q gives away more than %q", got, want)
	}
	t.Log("cause:", e.Err)
}

func TestRealProvider(t *testing.T) {
	t.Parallel()
	issuer := oidctest.Start(t, redirect)
	cfg := oidc.Config{
		Name: "zitadel", Tenant: "acme", Issuer: issuer, ClientID: oidctest.ClaimsClient, ClientSecret: oidctest.Secret,
		Required: map[string][]string{"groups": {"staff"}}, Roles: map[string][]string{"admins": {"admin", "developer"}, "staff": {"developer"}},
	}
	ada := oidc.Identity{
		Provider: "zitadel", Tenant: "acme", Issuer: issuer, Subject: "id1", Name: oidctest.Ada, Email: "test-user@zitadel.ch",
		Roles: []string{"admin", "developer"}, Claims: map[string][]string{"groups": {"staff", "admins"}},
	}
	bob := oidc.Identity{
		Provider: "zitadel", Tenant: "acme", Issuer: issuer, Subject: "id2", Name: oidctest.Bob, Email: "test-user2@zitadel.ch",
		Roles: []string{"developer"}, Claims: map[string][]string{"groups": {"staff"}},
	}
	asking := cfg
	asking.ClientID, asking.UserInfo = oidctest.Client, true
	for name, c := range map[string]struct {
		cfg  oidc.Config
		user string
		want oidc.Identity
	}{
		"claims in the ID token": {cfg, oidctest.Ada, ada},
		"claims in the userinfo": {asking, oidctest.Ada, ada},
		"another person":         {cfg, oidctest.Bob, bob},
	} {
		t.Run(name, func(t *testing.T) {
			p := provider(t, c.cfg)
			to, s := begin(t, p)
			back := logIn(t, to, c.user)
			got, err := p.Finish(t.Context(), s, back)
			if err != nil {
				t.Fatalf("finish: %v (%v)", err, errors.Unwrap(err))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
			_, err = p.Finish(t.Context(), s, back)
			refused(t, err) // the provider takes a code once
		})
	}
	t.Run("refusals", func(t *testing.T) { realRefusals(t, cfg) })
}

func logIn(t *testing.T, to, user string) url.Values {
	t.Helper()
	back, err := oidctest.LogIn(t.Context(), to, redirect, user, oidctest.Password)
	if err != nil {
		t.Fatal(err)
	}
	return back.Query()
}

// realRefusals shows what the provider itself does not let pass.
func realRefusals(t *testing.T, cfg oidc.Config) {
	t.Helper()
	p := provider(t, cfg)
	to, s := begin(t, p)
	if _, err := oidctest.LogIn(t.Context(), to, redirect, oidctest.Ada, "wrong"); err == nil {
		t.Error("the provider lets in with a wrong password")
	}
	back := logIn(t, to, oidctest.Ada)
	stolen := s
	stolen.Verifier = "an-attacker-who-has-the-code-does-not-know-this"
	_, err := p.Finish(t.Context(), stolen, back)
	refused(t, err)

	wrong := cfg
	wrong.ClientSecret = "wrong"
	p = provider(t, wrong)
	to, s = begin(t, p)
	_, err = p.Finish(t.Context(), s, logIn(t, to, oidctest.Ada))
	refused(t, err)

	strict := cfg
	strict.Required = map[string][]string{"groups": {"admins"}}
	p = provider(t, strict)
	to, s = begin(t, p)
	_, err = p.Finish(t.Context(), s, logIn(t, to, oidctest.Bob))
	refused(t, err)
}
