package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/hivemesh/hivemesh/domain"
)

// discoveryTTL is how long what a provider says about itself is believed.
const discoveryTTL = time.Hour

// Env is what a Provider needs from around it.
type Env struct {
	HTTP *http.Client     // default http.DefaultTransport, 10 s a request
	Now  func() time.Time // default time.Now
}

// Provider is an OpenID provider as one tenant uses it. It is safe for
// concurrent use.
type Provider struct {
	cfg   Config
	http  *http.Client
	now   func() time.Time
	lock  chan struct{} // holds one token: whoever has it may use known
	known *known
}

// known is what discovery found.
type known struct {
	*oidc.Provider
	endpoint  oauth2.Endpoint
	announces bool // its answers name their issuer (RFC 9207)
	until     time.Time
}

// New returns the provider of a Config, or an Invalid error with the field that
// is wrong. It asks nobody yet.
func New(cfg Config, env Env) (*Provider, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail}
	}
	if !slices.Contains(cfg.Scopes, oidc.ScopeOpenID) {
		cfg.Scopes = append([]string{oidc.ScopeOpenID}, cfg.Scopes...)
	}
	if cfg.GroupClaim == "" {
		cfg.GroupClaim = "groups"
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	p := &Provider{cfg: cfg, http: bound(env.HTTP), now: env.Now, lock: make(chan struct{}, 1)}
	p.lock <- struct{}{}
	return p, nil
}

// discover returns what the provider says about itself, asking it at most once
// an hour, and one caller at a time.
func (p *Provider) discover(ctx context.Context) (*known, error) {
	select {
	case <-p.lock:
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	defer func() { p.lock <- struct{}{} }()
	if p.known != nil && p.now().Before(p.known.until) {
		return p.known, nil
	}
	k, err := p.ask(ctx)
	if err != nil {
		return nil, err
	}
	p.known = k
	return k, nil
}

func (p *Provider) ask(ctx context.Context) (*known, error) {
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.cfg.Issuer)
	var mismatch *oidc.IssuerMismatchError
	if errors.As(err, &mismatch) {
		return nil, &domain.Error{Kind: domain.Invalid, Code: "invalid_field", Field: "issuer", Message: "the provider there calls itself otherwise", Err: clip(err)}
	}
	if err != nil {
		return nil, unavailable(err)
	}
	var more struct {
		Announces bool     `json:"authorization_response_iss_parameter_supported"`
		Methods   []string `json:"token_endpoint_auth_methods_supported"`
		Challenge []string `json:"code_challenge_methods_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, unavailable(fmt.Errorf("read the discovery document: %w", err))
	}
	k := &known{Provider: found, endpoint: found.Endpoint(), announces: more.Announces, until: p.now().Add(discoveryTTL)}
	for _, e := range []string{k.endpoint.AuthURL, k.endpoint.TokenURL} {
		if u, err := url.Parse(e); err != nil || !safe(u) {
			return nil, unavailable(fmt.Errorf("the provider's endpoint %.128q is not an https URL", e))
		}
	}
	if more.Challenge != nil && !slices.Contains(more.Challenge, "S256") {
		return nil, unavailable(errors.New("the provider does not do PKCE with S256"))
	}
	k.endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default (OpenID Connect Discovery, section 3)
	if p.cfg.ClientSecret == "" || len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic") {
		k.endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return k, nil
}
