package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// openAuth are the routes by which one gets a credential; they need none.
func openAuth(path string) bool {
	switch path {
	case "/v1/auth/login", "/v1/auth/refresh", "/v1/auth/logout", "/v1/auth/assertion", "/v1/auth/accept",
		"/v1/auth/device", "/v1/auth/device/token", "/v1/auth/passkeys/login/begin", "/v1/auth/passkeys/login/finish",
		"/v1/auth/providers", "/.well-known/jwks.json", "/setup", "/login":
		return true
	}
	return strings.HasPrefix(path, oidcPath)
}

// loginRoutes are the ways in, and what a principal does about its own.
func (a *API) loginRoutes(h huma.API) {
	s := a.cfg.Login
	authRoute(a, h, "login", "Log in by password", func(ctx context.Context, c caller, r client.LoginRequest) (client.Tokens, error) {
		if r.Tenant == "" {
			r.Tenant = domain.DefaultTenant
		}
		return tokens(s.Password(ctx, login.Attempt{Visit: c.visit(r.Client), Tenant: r.Tenant, Name: r.Login, Password: r.Password, Code: r.Code}))
	})
	authRoute(a, h, "refresh", "Change a refresh token for the next one", func(ctx context.Context, c caller, r client.RefreshRequest) (client.Tokens, error) {
		return tokens(s.Refresh(ctx, r.RefreshToken, c.from))
	})
	authRoute(a, h, "logout", "End the session of a refresh token", func(ctx context.Context, _ caller, r client.RefreshRequest) (struct{}, error) {
		return struct{}{}, s.Logout(ctx, r.RefreshToken)
	})
	authRoute(a, h, "assertion", "Log in by a key pair (RFC 7523)", func(ctx context.Context, c caller, r client.AssertionRequest) (client.Tokens, error) {
		return tokens(s.Assertion(ctx, r.Assertion, c.visit(r.Client)))
	})
	authRoute(a, h, "accept", "Spend an invitation", func(ctx context.Context, c caller, r client.AcceptRequest) (client.Accepted, error) {
		in, err := s.Accept(ctx, login.Acceptance{Visit: c.visit(""), Invitation: r.Invitation, Name: r.Name, Password: r.Password, PublicKey: r.PublicKey})
		return client.Accepted{Tenant: in.Tenant, Principal: in.Principal, Name: in.Name, Credential: in.Credential, Audience: a.cfg.Issuer}, err
	})
	authRoute(a, h, "exchange", "Change an API key for an access token", func(ctx context.Context, c caller, r client.ExchangeRequest) (client.Tokens, error) {
		return tokens(s.Exchange(ctx, c.actor, r.Scope, c.visit(r.Client)))
	})
	authRoute(a, h, "delegate", "Let an agent act for oneself (RFC 8693)", func(ctx context.Context, c caller, r client.DelegateRequest) (client.Tokens, error) {
		agent, err := a.agentID(ctx, c, r.Agent)
		if err != nil {
			return client.Tokens{}, err
		}
		return tokens(s.Delegate(ctx, c.actor, agent, r.Scope, c.visit("")))
	})
	authRoute(a, h, "device", "Begin a login that is approved elsewhere (RFC 8628)", func(ctx context.Context, _ caller, r client.DeviceRequest) (client.Device, error) {
		d, err := s.BeginDevice(ctx, r.Client)
		return a.device(d), err
	})
	authRoute(a, h, "device/approve", "Let the program that shows a code act as oneself", func(ctx context.Context, c caller, r client.DeviceApproval) (client.DeviceApproved, error) {
		if err := a.guard.guessed(c.from, nil); err != nil { // before it is known whether the code is right: it is short
			return client.DeviceApproved{}, err
		}
		program, err := s.ApproveDevice(ctx, c.actor, r.UserCode)
		return client.DeviceApproved{Client: program}, err
	})
	authRoute(a, h, "device/token", "Ask whether a login was approved", func(ctx context.Context, c caller, r client.DeviceQuestion) (client.Tokens, error) {
		return tokens(s.FinishDevice(ctx, r.DeviceCode, c.from))
	})
	a.factorRoutes(h)
	a.passkeyRoutes(h)
	a.oidcRoutes(h)
	a.mux.HandleFunc("GET /setup", htmlPage(setupHTML))
	a.mux.HandleFunc("GET /login", htmlPage(loginHTML))
	getRoute(a, h, "/.well-known/jwks.json", "jwks", "Get the public keys of access tokens (RFC 7517)",
		func(context.Context, caller, *struct{}) (token.KeySet, error) { return a.keySet(), nil })
}

// factorRoutes are about the caller's own password and second factor.
func (a *API) factorRoutes(h huma.API) {
	s := a.cfg.Login
	authRoute(a, h, "password", "Change one's password", func(ctx context.Context, c caller, r client.PasswordRequest) (struct{}, error) {
		return struct{}{}, s.ChangePassword(ctx, c.actor, c.visit(""), r.Old, r.New)
	})
	authRoute(a, h, "totp", "Ask for the seed of a second factor", func(_ context.Context, c caller, _ struct{}) (client.TOTPOffer, error) {
		e, err := s.BeginTOTP(c.actor)
		return client.TOTPOffer{Secret: e.Secret, URL: e.URL, Sealed: e.Sealed}, err
	})
	authRoute(a, h, "totp/confirm", "Make an offered seed the second factor", func(ctx context.Context, c caller, r client.TOTPConfirm) (client.RecoveryCodes, error) {
		codes, err := s.ConfirmTOTP(ctx, c.actor, r.Sealed, r.Code)
		return client.RecoveryCodes{Codes: codes}, err
	})
	authRoute(a, h, "totp/remove", "Take one's second factor away", func(ctx context.Context, c caller, r client.TOTPRemove) (struct{}, error) {
		return struct{}{}, s.RemoveTOTP(ctx, c.actor, c.visit(""), r.Password)
	})
	authRoute(a, h, "recovery-codes", "Replace one's recovery codes", func(ctx context.Context, c caller, _ struct{}) (client.RecoveryCodes, error) {
		codes, err := s.NewRecoveryCodes(ctx, c.actor)
		return client.RecoveryCodes{Codes: codes}, err
	})
}

// authRoute registers a route under /v1/auth.
func authRoute[Req, Res any](a *API, h huma.API, path, summary string, do func(context.Context, caller, Req) (Res, error)) {
	huma.Register(h, authOperation(path, summary), func(ctx context.Context, in *bodyInput[Req]) (*output[Res], error) {
		return answer(ctx, a, func(c caller) (Res, error) { return do(ctx, c, in.Body) })
	})
}

// authOperation describes a route under /v1/auth.
func authOperation(path, summary string) huma.Operation {
	full := "/v1/auth/" + path
	op := operation(http.MethodPost, full, "auth-"+strings.ReplaceAll(path, "/", "-"), summary)
	op.MaxBodyBytes = maxAuth
	if openAuth(full) {
		op.Security = []map[string][]string{{}}
	}
	return op
}

// maxAuth bounds the bodies of those who have not yet proved who they are, in bytes.
const maxAuth = 64 << 10

func (c caller) visit(program string) login.Visit { return login.Visit{Client: program, From: c.from} }

func tokens(t login.Tokens, err error) (client.Tokens, error) {
	if err != nil {
		return client.Tokens{}, err
	}
	return client.Tokens{
		AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int(time.Until(t.ExpiresAt).Round(time.Second).Seconds()),
		RefreshToken: t.Refresh, Scope: strings.Join(t.Scopes, " "), Session: t.Session,
	}, nil
}

// device is a device login with the page on which it is approved.
func (a *API) device(d login.Device) client.Device {
	page := a.cfg.PublicURL + "/login"
	return client.Device{
		DeviceCode: d.DeviceCode, UserCode: d.UserCode, ExpiresIn: int(d.ExpiresIn.Seconds()), Interval: int(d.Interval.Seconds()),
		VerificationURI: page, VerificationURIComplete: page + "?device=" + d.UserCode,
	}
}

// keySet is the keys that tokens may be signed with now.
func (a *API) keySet() token.KeySet {
	var keys []token.PublicKey
	set := a.cfg.Directory.Keyset()
	for id := range set.Keys {
		if public, ok := set.Key(id, time.Now()); ok {
			keys = append(keys, token.PublicKey{ID: id, Key: public})
		}
	}
	return token.JWKS(keys)
}
