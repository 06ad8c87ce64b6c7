package login

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/auth/otp"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// The ids of credentials of which a principal has one.
const (
	passwordID = "password"
	totpID     = "totp"
	recoveryID = "recovery"
)

// Attempt is a login by password, with a code of the second factor if there is one.
type Attempt struct {
	Visit
	Tenant, Name   string
	Password, Code string // the code of an authenticator, or a recovery code
}

// Password begins a session of a person. It fails with code login_failed; with
// second_factor_required when the password is right and a code is missing;
// with kind Limited and the time to wait after too many failures.
func (s *Service) Password(ctx context.Context, a Attempt) (Tokens, error) {
	key := lockoutKey(a.Tenant, a.Name)
	if wait := s.cfg.Lockout.Check(key, a.From); wait > 0 {
		return Tokens{}, errWait(wait)
	}
	p, methods, err := s.prove(ctx, a)
	switch {
	case domain.KindOf(err) == domain.Unauthenticated && !isMissing(err):
		return Tokens{}, s.failed(ctx, key, p, a, identity.CredentialPassword, err)
	case err != nil:
		return Tokens{}, err
	}
	s.cfg.Lockout.Succeeded(key, a.From)
	return s.begin(ctx, identity.Ref{Tenant: a.Tenant, ID: p.ID}, p.Kind, identity.SessionStarted{
		Client: a.Client, Methods: methods, ExpiresAt: s.now().Add(sessionLife),
	}, a.From, true)
}

// known checks a name and its password. A stale one should be hashed anew.
func (s *Service) known(ctx context.Context, a Attempt) (p identity.Principal, stale bool, err error) {
	p, known := s.cfg.Directory.PrincipalNamed(a.Tenant, a.Name)
	c, has := p.Credentials[passwordID]
	if !known || !has || p.Suspended {
		if err := s.cfg.Hasher.Burn(ctx); err != nil {
			return p, false, err
		}
		return p, false, errProof()
	}
	ok, stale, err := s.cfg.Hasher.Verify(ctx, c.Verifier, a.Password)
	if err == nil && !ok {
		err = errProof()
	}
	return p, stale, err
}

// prove checks a password and, if the person has one, the second factor.
func (s *Service) prove(ctx context.Context, a Attempt) (identity.Principal, []string, error) {
	p, stale, err := s.known(ctx, a)
	if err != nil {
		return p, nil, err
	}
	methods := []string{"pwd"}
	if needsSecond(p) {
		method, err := s.second(ctx, a, p)
		if err != nil {
			return p, nil, err
		}
		methods = append(methods, method, "mfa")
	}
	if stale {
		s.rehash(ctx, a, p)
	}
	return p, methods, nil
}

func needsSecond(p identity.Principal) bool {
	return len(p.Of(identity.CredentialTOTP))+len(p.Of(identity.CredentialPasskey)) > 0
}

// second checks the code of the second factor and spends it.
func (s *Service) second(ctx context.Context, a Attempt, p identity.Principal) (method string, err error) {
	if a.Code == "" {
		return "", errMissing()
	}
	by := domain.Actor{Tenant: a.Tenant, ID: p.ID, Kind: p.Kind}
	if c, ok := p.Credentials[totpID]; ok {
		seed, err := s.cfg.Keys.Seal.Open(c.Sealed, sealedFor(by, totpID))
		if err != nil {
			return "", err
		}
		if step, ok := otp.Check(string(seed), a.Code, s.now(), p.LastStep); ok {
			_, err := s.cfg.Commands.UseCredential(ctx, by, commands.Meta{}, totpID, s.source(a.From), step)
			return "otp", err
		}
	}
	if c, ok := p.Credentials[recoveryID]; ok {
		if code, ok := matchRecovery(c, a.Code); ok {
			_, err := s.cfg.Commands.SpendRecovery(ctx, by, commands.Meta{}, recoveryID, code)
			return "rec", err
		}
	}
	return "", errProof()
}

// failed counts a failure, and tells it once in a while.
func (s *Service) failed(ctx context.Context, key string, p identity.Principal, a Attempt, of identity.CredentialType, cause error) error {
	locked, wait := s.cfg.Lockout.Failed(key, a.From)
	if !p.Exists() {
		return cause
	}
	by := domain.Actor{Tenant: a.Tenant, ID: p.ID, Kind: p.Kind}
	until := time.Time{}
	if locked {
		until = s.now().Add(wait)
	}
	if err := s.cfg.Commands.NoteFailure(ctx, by, of, s.source(a.From), until); err != nil {
		s.cfg.Log.Warn().Err(err).Msg("a failed login is not in the log")
	}
	return cause
}

// rehash brings a verifier up to today's parameters while the password is known.
func (s *Service) rehash(ctx context.Context, a Attempt, p identity.Principal) {
	by := domain.Actor{Tenant: a.Tenant, ID: p.ID, Kind: p.Kind}
	if err := s.setPassword(ctx, by, a.Password); err != nil {
		s.cfg.Log.Warn().Err(err).Msg("a password verifier stays as it was")
	}
}

func (s *Service) setPassword(ctx context.Context, by domain.Actor, password string) error {
	verifier, err := s.cfg.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.cfg.Commands.SetCredential(ctx, by, commands.Meta{}, by.ID, identity.Credential{
		ID: passwordID, Type: identity.CredentialPassword, Verifier: verifier,
	})
	return err
}

// ChangePassword sets the actor's own password. The old one is asked for, if
// there is one; every session of the actor ends.
func (s *Service) ChangePassword(ctx context.Context, by domain.Actor, v Visit, old, next string) error {
	p, ok := s.cfg.Directory.Principal(identity.Ref{Tenant: by.HomeTenant(), ID: by.ID})
	if !ok || p.Kind != domain.Human {
		return domain.InvalidField("password", "only a person has a password")
	}
	if c, has := p.Credentials[passwordID]; has {
		key := lockoutKey(by.HomeTenant(), p.Name)
		if wait := s.cfg.Lockout.Check(key, v.From); wait > 0 {
			return errWait(wait)
		}
		right, _, err := s.cfg.Hasher.Verify(ctx, c.Verifier, old)
		if err != nil {
			return err
		}
		if !right {
			return s.failed(ctx, key, p, Attempt{Visit: v, Tenant: by.HomeTenant()}, identity.CredentialPassword, errProof())
		}
	}
	if err := s.cfg.Policy.Check(ctx, p.Name, next); err != nil {
		return err
	}
	if err := s.setPassword(ctx, by, next); err != nil {
		return err
	}
	_, err := s.cfg.Commands.RevokeTokens(ctx, by, commands.Meta{}, by.ID, "the password was changed")
	return err
}

// sealedFor binds a ciphertext to its principal and credential.
func sealedFor(by domain.Actor, credential string) string {
	return by.HomeTenant() + "/" + by.ID + "/" + credential
}

func errMissing() error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "second_factor_required", Field: "code", Message: "the second factor is needed: a code, or a passkey on the login page of the mesh"}
}

func isMissing(err error) bool { return isCode(err, "second_factor_required") }
