package login

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/auth/otp"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Enrolment is a second factor that is offered and not yet confirmed.
type Enrolment struct {
	Secret string // base32, for authenticators that cannot read URL
	URL    string // otpauth://, usually shown as a QR code
	Sealed string // to be sent back with the first code
}

// BeginTOTP offers the actor a seed for an authenticator. Nothing is kept.
func (s *Service) BeginTOTP(by domain.Actor) (Enrolment, error) {
	p, ok := s.cfg.Directory.Principal(identity.Ref{Tenant: by.HomeTenant(), ID: by.ID})
	if !ok || p.Kind != domain.Human {
		return Enrolment{}, domain.InvalidField("principal", "only a person has a second factor")
	}
	secret := otp.NewSecret()
	url, err := otp.URL("Hivemesh", strings.ReplaceAll(p.Name, ":", "."), secret)
	return Enrolment{Secret: secret, URL: url, Sealed: s.cfg.Keys.Seal.Seal([]byte(secret), sealedFor(by, totpID))}, err
}

// ConfirmTOTP makes an offered seed the actor's second factor, once a code
// proves that the authenticator has it, and returns recovery codes, shown once.
func (s *Service) ConfirmTOTP(ctx context.Context, by domain.Actor, sealed, code string) (recovery []string, err error) {
	secret, err := s.cfg.Keys.Seal.Open(sealed, sealedFor(by, totpID))
	if err != nil {
		return nil, domain.InvalidField("sealed", "is not what was offered")
	}
	step, ok := otp.Check(string(secret), code, s.now(), 0)
	if !ok {
		return nil, domain.InvalidField("code", "is not right; does the clock of the device go right?")
	}
	if _, err := s.cfg.Commands.SetCredential(ctx, by, commands.Meta{}, by.ID, identity.Credential{
		ID: totpID, Type: identity.CredentialTOTP, Sealed: sealed,
	}); err != nil {
		return nil, err
	}
	if _, err := s.cfg.Commands.UseCredential(ctx, by, commands.Meta{}, totpID, "", step); err != nil {
		return nil, err
	}
	return s.NewRecoveryCodes(ctx, by)
}

// NewRecoveryCodes replaces the actor's recovery codes. They are shown once.
func (s *Service) NewRecoveryCodes(ctx context.Context, by domain.Actor) ([]string, error) {
	codes := otp.NewRecoveryCodes(recoveryCount)
	kept := otp.Verifiers(codes)
	c := identity.Credential{ID: recoveryID, Type: identity.CredentialRecovery, Verifier: hex.EncodeToString(kept.Salt)}
	for _, sum := range kept.Sums {
		c.Codes = append(c.Codes, hex.EncodeToString(sum))
	}
	_, err := s.cfg.Commands.SetCredential(ctx, by, commands.Meta{}, by.ID, c)
	return codes, err
}

const recoveryCount = 10

// matchRecovery returns the one of a credential's codes that is presented.
func matchRecovery(c identity.Credential, presented string) (code string, ok bool) {
	salt, err := hex.DecodeString(c.Verifier)
	if err != nil {
		return "", false
	}
	set := otp.Recovery{Salt: salt}
	for _, text := range c.Codes {
		sum, err := hex.DecodeString(text)
		if err != nil {
			return "", false
		}
		set.Sums = append(set.Sums, sum)
	}
	if i := otp.MatchRecovery(set, presented); i >= 0 {
		return c.Codes[i], true
	}
	return "", false
}

// RemoveTOTP takes the second factor and its recovery codes; the password
// proves that it is the actor who wants it.
func (s *Service) RemoveTOTP(ctx context.Context, by domain.Actor, v Visit, password string) error {
	p, _ := s.cfg.Directory.Principal(identity.Ref{Tenant: by.HomeTenant(), ID: by.ID})
	c, has := p.Credentials[passwordID]
	if !has {
		return domain.InvalidField("password", "the principal has none")
	}
	key := by.HomeTenant() + "/" + p.Name
	if wait := s.cfg.Lockout.Check(key, v.From); wait > 0 {
		return errWait(wait)
	}
	ok, _, err := s.cfg.Hasher.Verify(ctx, c.Verifier, password)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.failed(ctx, key, p, Attempt{Visit: v, Tenant: by.HomeTenant()}, identity.CredentialPassword, errProof())
	}
	for _, id := range []string{totpID, recoveryID} {
		_, err := s.cfg.Commands.RemoveCredential(ctx, by, commands.Meta{}, by.ID, id, "removed by its holder")
		if err != nil && !errors.Is(err, identity.ErrCredentialNotFound) {
			return err
		}
	}
	return nil
}

func errWait(d time.Duration) error {
	return &domain.Error{Kind: domain.Limited, Code: "locked_out", Message: "too many failures: wait " + d.Round(time.Second).String() + ", then try again", RetryAfter: d}
}

func isCode(err error, code string) bool {
	var e *domain.Error
	return errors.As(err, &e) && e.Code == code
}
