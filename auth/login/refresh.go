package login

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// refreshPrefix begins a refresh token: "mr_<session id>_<secret>".
const refreshPrefix = "mr_"

const maxRefresh = 160 // bytes of a refresh token that is looked at

// Refresh changes a refresh token for an access token and the next refresh
// token. It fails with identity.ErrRefresh for a token that is not valid; one
// that was changed before ends the session.
func (s *Service) Refresh(ctx context.Context, presented string, from netip.Addr) (Tokens, error) {
	id, verifier, ok := parseRefresh(presented)
	if !ok {
		return Tokens{}, identity.ErrRefresh
	}
	session, err := heard(ctx, s, identity.ErrRefresh, func() (identity.SessionOf, bool) { return s.cfg.Directory.Session(id, s.now()) })
	if err != nil {
		return Tokens{}, err
	}
	p, _ := s.cfg.Directory.Principal(identity.Ref{Tenant: session.Tenant, ID: session.Principal})
	by := domain.Actor{Tenant: session.Tenant, ID: session.Principal, Kind: p.Kind}
	secret, next := auth.NewSecret()
	out, err := s.issue(ctx, session.Tenant, session.Session, secret) // first: what cannot be signed now must not spend the token
	if err != nil {
		return Tokens{}, err
	}
	if _, err := s.cfg.Commands.RefreshSession(ctx, by, commands.Meta{}, id, verifier, next, s.source(from)); err != nil {
		return Tokens{}, err
	}
	return out, nil
}

// Logout ends the session of a refresh token. One that opens nothing is no
// error. It fails with kind Unavailable when that is not known.
func (s *Service) Logout(ctx context.Context, presented string) error {
	id, verifier, ok := parseRefresh(presented)
	if !ok {
		return nil
	}
	session, err := heard(ctx, s, identity.ErrRefresh, func() (identity.SessionOf, bool) {
		session, ok := s.cfg.Directory.Session(id, s.now())
		return session, ok && session.Verifier == verifier // digests of random values: nothing to learn from timing
	})
	if errors.Is(err, identity.ErrRefresh) {
		return nil
	}
	if err != nil {
		return err
	}
	by := domain.Actor{Tenant: session.Tenant, ID: session.Principal}
	_, err = s.cfg.Commands.EndSession(ctx, by, commands.Meta{}, id, "logged out")
	return err
}

func refreshToken(session, secret string) string {
	return refreshPrefix + strings.ReplaceAll(session, "-", "") + "_" + secret
}

func parseRefresh(t string) (session, verifier string, ok bool) {
	return parseSecret(t, refreshPrefix)
}

// parseSecret takes "<prefix><id>_<secret>" apart into the id and the verifier
// of the secret.
func parseSecret(t, prefix string) (id, verifier string, ok bool) {
	rest, ok := strings.CutPrefix(t, prefix)
	digits, secret, found := strings.Cut(rest, "_")
	raw, err := hex.DecodeString(digits)
	if !ok || !found || len(t) > maxRefresh || err != nil || len(raw) != 16 || digits != strings.ToLower(digits) {
		return "", "", false
	}
	return uuid.UUID(raw).String(), auth.Verifier(secret), true
}
