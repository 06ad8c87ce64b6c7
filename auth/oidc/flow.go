package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/hivemesh/hivemesh/domain"
)

// stateTTL is how long a person may take to log in at the provider.
const stateTTL = 10 * time.Minute

// State is a login between its halves. It encodes to JSON, holds the PKCE
// verifier, which nobody else must see, and serves once.
type State struct {
	Provider    string    `json:"provider"`
	Tenant      string    `json:"tenant"`
	State       string    `json:"state"`
	Nonce       string    `json:"nonce"`
	Verifier    string    `json:"verifier"`
	RedirectURL string    `json:"redirect_url"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// Begin returns the URL that the browser is sent to, and the State to finish
// the login with. The provider sends the browser back to redirectURL. It fails
// with kind Invalid and the field "redirect_url" or "issuer" when that is
// wrong, and with kind Unavailable and code "oidc_unavailable" when the
// provider does not say properly where it is.
func (p *Provider) Begin(ctx context.Context, redirectURL string) (string, State, error) {
	if u, err := url.Parse(redirectURL); err != nil || !safe(u) || u.Fragment != "" {
		return "", State{}, domain.InvalidField("redirect_url", "%.128q is not an https URL", redirectURL)
	}
	k, err := p.discover(ctx)
	if err != nil {
		return "", State{}, err
	}
	s := State{
		Provider: p.cfg.Name, Tenant: p.cfg.Tenant, RedirectURL: redirectURL, ExpiresAt: p.now().Add(stateTTL),
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
	}
	return p.client(k, redirectURL).AuthCodeURL(s.State, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier)), s, nil
}

func (p *Provider) client(k *known, redirectURL string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: k.endpoint, RedirectURL: redirectURL, Scopes: p.cfg.Scopes,
	}
}

// Finish returns who has logged in, from the query that the browser brought
// back. It fails with kind Unauthenticated and code "oidc_failed"; the cause is
// for logs. It fails as Begin does when the provider cannot be asked.
func (p *Provider) Finish(ctx context.Context, s State, query url.Values) (Identity, error) {
	if s.Provider != p.cfg.Name || s.Tenant != p.cfg.Tenant {
		return Identity{}, refused(errors.New("the login was begun at another provider"))
	}
	if !p.now().Before(s.ExpiresAt) {
		return Identity{}, refused(errors.New("the login took too long"))
	}
	if given, ok := one(query, "state"); !ok || s.State == "" || !same(given, s.State) {
		return Identity{}, refused(errors.New("the state is not the one that was sent"))
	}
	k, err := p.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	code, err := p.code(k, query)
	if err != nil {
		return Identity{}, refused(err)
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := p.client(k, s.RedirectURL).Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		return Identity{}, refused(exchangeFault(err))
	}
	id, err := p.identify(ctx, k, s, token)
	if err != nil {
		return Identity{}, refused(err)
	}
	return id, nil
}

// code returns the code of an answer that is the provider's own.
func (p *Provider) code(k *known, query url.Values) (string, error) {
	iss, given := one(query, "iss")
	if (k.announces || query.Has("iss")) && (!given || iss != p.cfg.Issuer) {
		return "", fmt.Errorf("the answer is of the issuer %.128q", iss)
	}
	if query.Has("error") {
		return "", fmt.Errorf("the provider answered %.64q", query.Get("error"))
	}
	code, ok := one(query, "code")
	if !ok || code == "" || len(code) > maxAnswer {
		return "", errors.New("the answer has no code")
	}
	return code, nil
}

// one returns the value of a parameter that is there once.
func one(query url.Values, name string) (string, bool) {
	if len(query[name]) != 1 {
		return "", false
	}
	return query[name][0], true
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
