// Package login lets principals in: it finds out that somebody is who they say
// they are, and begins a session. What a session may do is not its concern.
//
//	proof (password and code, passkey, provider, key pair, invitation)
//	   └─► session.started ─► access token (15 minutes) + refresh token
//	                             refresh: the token is changed for the next one;
//	                             one that comes twice ends the session
//
// A failed proof says only that it failed, and takes as long whether the
// principal exists or not.
package login

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// How long things last.
const (
	sessionLife  = 30 * 24 * time.Hour // of a person's, however often it is refreshed
	machineLife  = token.Lifetime      // of an agent's or service's: one token
	delegateLife = time.Hour           // of a delegation
)

// Config is what a Service needs.
type Config struct {
	Commands  *commands.Service
	Directory *identity.Directory
	Keys      auth.Keys
	Signer    *auth.Signer
	Issuer    string
	Hasher    *password.Hasher
	Policy    *password.Policy
	Lockout   *limit.Lockout
	Passkeys  *passkey.Party     // nil where the mesh has no address for them
	Denials   *denials           // that Commands told of
	Uses      *uses              // that the Authenticator told of
	Pending   jetstream.KeyValue // see OpenPending
	Providers []ProviderConfig   // of logins
	PublicURL string             // where browsers reach the mesh, without a slash at its end; needed for Providers
	Now       func() time.Time   // default time.Now
	Log       zerolog.Logger
}

// Service begins and continues sessions.
type Service struct {
	cfg Config
	now func() time.Time
	jti *spent // assertions that were used

	providers map[string]provider // by name
}

// New returns a Service. It fails with kind Invalid for a provider that is not
// configured soundly.
func New(cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	providers, err := openProviders(cfg.Providers)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, now: cfg.Now, jti: newSpent(), providers: providers}, nil
}

// heard is what find finds, if need be after the node has heard what the others
// have written: what is presented here may have been given there a moment ago.
// It fails with refusal for what is not there, with kind Unavailable when that
// is not known.
func heard[T any](ctx context.Context, s *Service, refusal error, find func() (T, bool)) (T, error) {
	found, ok := find()
	if ok {
		return found, nil
	}
	if err := s.cfg.Commands.CatchUp(ctx); err != nil {
		return found, err
	}
	if found, ok = find(); !ok {
		return found, refusal
	}
	return found, nil
}

// Tokens is what a principal goes on with.
type Tokens struct {
	Access    string
	ExpiresAt time.Time // of Access
	Refresh   string    // empty for a session that cannot be refreshed
	Session   string
	Scopes    []string
}

// Visit is where a proof comes from.
type Visit struct {
	Client string // program that asks, such as "mesh-cli"
	From   netip.Addr
}

// begin starts a session of a principal that has proved itself.
func (s *Service) begin(ctx context.Context, who identity.Ref, kind domain.ActorKind, start identity.SessionStarted, from netip.Addr, refreshable bool) (Tokens, error) {
	id := uuid.Must(uuid.NewV7()).String()
	start.Principal, start.Source = who.ID, s.source(from)
	if start.Client == "" {
		start.Client = "unknown"
	}
	secret := ""
	if refreshable {
		secret, start.Verifier = auth.NewSecret()
	}
	by := domain.Actor{Tenant: who.Tenant, ID: who.ID, Kind: kind}
	if _, err := s.cfg.Commands.StartSession(ctx, by, commands.Meta{}, id, start); err != nil {
		return Tokens{}, err
	}
	session := identity.Session{ID: id, Principal: who.ID, Client: start.Client, Scopes: start.Scopes, Actor: start.Actor, ExpiresAt: start.ExpiresAt}
	return s.issue(ctx, who.Tenant, session, secret)
}

// issue signs an access token of a session.
func (s *Service) issue(ctx context.Context, tenant string, session identity.Session, refresh string) (Tokens, error) {
	now := s.now()
	ends := now.Add(token.Lifetime)
	if session.ExpiresAt.Before(ends) {
		ends = session.ExpiresAt
	}
	access, err := s.cfg.Signer.Issue(ctx, token.Claims{
		Issuer: s.cfg.Issuer, Audience: Audience, Subject: session.Principal, Client: session.Client, Tenant: tenant,
		Session: session.ID, ID: uuid.Must(uuid.NewV7()).String(), Scope: strings.Join(session.Scopes, " "), Actor: session.Actor,
		IssuedAt: now, Expires: ends,
	})
	if err != nil {
		return Tokens{}, &domain.Error{Kind: domain.Unavailable, Code: "no_signing_key", Message: "tokens cannot be signed now; try again", Err: err}
	}
	t := Tokens{Access: access, ExpiresAt: ends, Session: session.ID, Scopes: session.Scopes}
	if refresh != "" {
		t.Refresh = refreshToken(session.ID, refresh)
	}
	return t, nil
}

// Audience is whom access tokens are for: every node of the mesh.
const Audience = "hivemesh"

// source is an address as it stands in events: a keyed hash, so that one can
// see that it was the same, and not which.
func (s *Service) source(from netip.Addr) string {
	return s.cfg.Lockout.Source(from)
}

func errProof() error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "login_failed", Message: "the login or what it was proved with is not right"}
}
