package oidc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/domain"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestClaims(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	hd := map[string][]string{"hd": {"example.com", "example.org"}}
	roles := map[string][]string{"staff": {"viewer", "developer"}, "admins": {"admin", "viewer"}}
	for name, c := range map[string]struct {
		cfg      oidc.Config
		claims   m
		userinfo m
		want     oidc.Identity // Name "" when it is refused
	}{
		"email names":           {claims: m{"preferred_username": nil}, want: oidc.Identity{Name: "ada@example.com", Email: "ada@example.com"}},
		"unverified does not":   {claims: m{"preferred_username": nil, "email_verified": false}, want: oidc.Identity{Name: "ada"}},
		"nor unsaid":            {claims: m{"preferred_username": nil, "email_verified": nil, "sub": "s-1"}, want: oidc.Identity{Name: "s-1"}},
		"verified as a text":    {claims: m{"preferred_username": nil, "email_verified": "true"}, want: oidc.Identity{Name: "ada@example.com", Email: "ada@example.com"}},
		"configured name":       {cfg: oidc.Config{NameClaim: "upn"}, claims: m{"upn": "ada@corp"}, want: oidc.Identity{Name: "ada@corp", Email: "ada@example.com"}},
		"configured, missing":   {cfg: oidc.Config{NameClaim: "upn"}},
		"configured, a list":    {cfg: oidc.Config{NameClaim: "upn"}, claims: m{"upn": []string{"a", "b"}}},
		"email, unverified":     {cfg: oidc.Config{NameClaim: "email"}, claims: m{"email_verified": false}},
		"required, met":         {cfg: oidc.Config{Required: hd}, claims: m{"hd": "example.org"}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Claims: map[string][]string{"hd": {"example.org"}}}},
		"required, other":       {cfg: oidc.Config{Required: hd}, claims: m{"hd": "example.net"}},
		"required, missing":     {cfg: oidc.Config{Required: hd}},
		"required, in a list":   {cfg: oidc.Config{Required: hd}, claims: m{"hd": []any{"x", "example.com"}}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Claims: map[string][]string{"hd": {"x", "example.com"}}}},
		"required, any value":   {cfg: oidc.Config{Required: map[string][]string{"n": nil}}, claims: m{"n": 12345678901234567}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Claims: map[string][]string{"n": {"12345678901234567"}}}},
		"required, an object":   {cfg: oidc.Config{Required: map[string][]string{"n": nil}}, claims: m{"n": m{"a": 1}}},
		"roles":                 {cfg: oidc.Config{Roles: roles}, claims: m{"groups": []any{"staff", "admins", "others", 7}}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Roles: []string{"admin", "developer", "viewer"}, Claims: map[string][]string{"groups": {"staff", "admins", "others", "7"}}}},
		"roles of one group":    {cfg: oidc.Config{Roles: roles, GroupClaim: "role"}, claims: m{"role": "admins"}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Roles: []string{"admin", "viewer"}, Claims: map[string][]string{"role": {"admins"}}}},
		"userinfo adds":         {cfg: oidc.Config{UserInfo: true, Roles: roles}, claims: m{"groups": nil}, userinfo: m{"sub": "ada", "groups": "admins"}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Roles: []string{"admin", "viewer"}, Claims: map[string][]string{"groups": {"admins"}}}},
		"userinfo overrules no": {cfg: oidc.Config{UserInfo: true}, claims: m{"groups": []any{"staff"}}, userinfo: m{"sub": "ada", "preferred_username": "root", "groups": "admins"}, want: oidc.Identity{Name: "ada", Email: "ada@example.com", Claims: map[string][]string{"groups": {"staff"}}}},
		"userinfo of another":   {cfg: oidc.Config{UserInfo: true}, userinfo: m{"sub": "eve"}},
		"halves of two emails":  {cfg: oidc.Config{UserInfo: true}, claims: m{"email": "boss@example.com", "email_verified": nil}, userinfo: m{"sub": "ada", "email": "ada@example.com", "email_verified": true}, want: oidc.Identity{Name: "ada"}},
		"userinfo not asked":    {claims: m{"groups": nil}, userinfo: m{"sub": "ada", "groups": "admins"}, want: oidc.Identity{Name: "ada", Email: "ada@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRogue(t)
			r.claims = m{"groups": nil}
			for k, v := range c.claims {
				r.claims[k] = v
			}
			if c.userinfo != nil {
				r.userinfo = c.userinfo
			}
			cfg := c.cfg
			base := r.config()
			cfg.Name, cfg.Tenant, cfg.Issuer, cfg.ClientID, cfg.ClientSecret = base.Name, base.Tenant, base.Issuer, base.ClientID, base.ClientSecret
			got, err := r.logIn(t, provider(t, cfg))
			if c.want.Name == "" {
				refused(t, err)
				return
			}
			if err != nil {
				t.Fatalf("%v (%v)", err, errors.Unwrap(err))
			}
			want := c.want
			want.Provider, want.Tenant, want.Issuer, want.Subject = "rogue", "acme", r.URL, "ada"
			if sub, ok := c.claims["sub"].(string); ok {
				want.Subject = sub
			}
			if want.Claims == nil {
				want.Claims = map[string][]string{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCredentialID(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, parts := range [][3]string{
		{"acme", "https://a.test", "1"}, {"acme", "https://a.test", "2"}, {"acme", "https://b.test", "1"}, {"other", "https://a.test", "1"}, {"acme", "https://a.test1", ""},
	} {
		id := oidc.CredentialID(parts[0], parts[1], parts[2])
		if len(id) != 48 || !domain.ValidName(id) || ids[id] {
			t.Errorf("%v: the id %q is not a name of 48 characters, or another's", parts, id)
		}
		ids[id] = true
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `"name":"corp","tenant":"acme","issuer":"https://id.example.com","client_id":"mesh"`
	for text, field := range map[string]string{
		"{" + good + "}": "",
		"{" + good + `,"client_secret":"s","scopes":["email"],"required":{"hd":["example.com"]},"roles":{"g":["admin"]}}`: "",
		"": "config", "[]": "config", "{" + good + "} {}": "config", "{" + good + `,"insecure":true}`: "config",
		"{" + good + strings.Repeat(" ", 64<<10) + "}": "config",
		`{}`:                          "name",
		"{" + good + `,"name":"a b"}`: "name",
		"{" + good + `,"tenant":""}`:  "tenant",
		"{" + good + `,"issuer":"http://id.example.com"}`:                    "issuer",
		"{" + good + `,"issuer":"https://u:p@id.example.com"}`:               "issuer",
		"{" + good + `,"issuer":"https://id.example.com?x=1"}`:               "issuer",
		"{" + good + `,"issuer":"file:///etc/passwd"}`:                       "issuer",
		"{" + good + `,"issuer":"https://"}`:                                 "issuer",
		"{" + good + `,"issuer":"http://127.0.0.1.evil.test/"}`:              "issuer",
		"{" + good + `,"issuer":"http://[::1]:8080/realm"}`:                  "",
		"{" + good + `,"client_id":""}`:                                      "client_id",
		"{" + good + `,"client_id":"a\u0000"}`:                               "client_id",
		"{" + good + `,"client_secret":"` + strings.Repeat("s", 1025) + `"}`: "client_secret",
		"{" + good + `,"scopes":["a b"]}`:                                    "scopes",
		"{" + good + `,"required":{"":["x"]}}`:                               "required",
		"{" + good + `,"roles":{"":["admin"]}}`:                              "roles",
		"{" + good + `,"roles":{"g":["a b"]}}`:                               "roles",
		"{" + good + `,"name_claim":"a\u0000b"}`:                             "name_claim",
	} {
		_, err := oidc.ParseConfig([]byte(text))
		var e *domain.Error
		if field == "" && err != nil || field != "" && (!errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != field) {
			t.Errorf("%.120s: got %v, want the field %q refused", text, err, field)
		}
	}
	p := provider(t, oidc.Config{Name: "corp", Tenant: "acme", Issuer: "https://id.example.com", ClientID: "mesh"})
	for _, to := range []string{"", "http://mesh.example.com/cb", "https://mesh.example.com/cb#x", "/cb"} {
		if _, _, err := p.Begin(t.Context(), to); domain.KindOf(err) != domain.Invalid {
			t.Errorf("redirect to %q: got %v, want it invalid", to, err)
		}
	}
}
