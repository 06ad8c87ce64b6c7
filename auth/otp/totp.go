package otp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
	"time"

	base "github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/hivemesh/hivemesh/domain"
)

const (
	secretSize = 20 // bytes, the length that RFC 4226 recommends (section 4, R6)
	period     = 30 // seconds a step lasts
	window     = 1  // steps that clocks may differ, to either side
	maxTyped   = 16 // bytes of a typed code that are looked at
)

// NewSecret returns a fresh TOTP secret of 160 bits in base32 without padding,
// as authenticator apps take it.
func NewSecret() string {
	var b [secretSize]byte
	rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return encoding().EncodeToString(b[:])
}

// URL returns the otpauth:// URL that an authenticator app reads, mostly as a
// QR code. It holds the secret. It fails with kind Invalid when issuer or
// account is empty or holds a colon, which parts the two, and with kind
// Internal, code "bad_secret", when secret is not one that NewSecret returned.
func URL(issuer, account, secret string) (string, error) {
	if issuer == "" || strings.Contains(issuer, ":") {
		return "", domain.InvalidField("issuer", "must not be empty or hold a colon")
	}
	if account == "" || strings.Contains(account, ":") {
		return "", domain.InvalidField("account", "must not be empty or hold a colon")
	}
	raw, err := encoding().DecodeString(secret)
	if err != nil || len(raw) != secretSize {
		return "", &domain.Error{Kind: domain.Internal, Code: "bad_secret", Message: "the TOTP secret is damaged"}
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: issuer, AccountName: account, Secret: raw,
		Period: period, Digits: base.DigitsSix, Algorithm: base.AlgorithmSHA1,
	})
	if err != nil {
		return "", &domain.Error{Kind: domain.Internal, Code: "bad_secret", Message: "the TOTP URL cannot be made"}
	}
	return key.URL(), nil
}

// Check reports whether code is right for secret at now, and the step it is
// right for. Spaces in code are passed over, as apps show "123 456". Steps up
// to lastStep are refused: pass the step that was accepted last for this
// secret, 0 when none was, and keep the step returned here before acting on
// it. A damaged secret accepts nothing.
func Check(secret, code string, now time.Time, lastStep int64) (step int64, ok bool) {
	code = strings.ReplaceAll(code[:min(len(code), maxTyped)], " ", "")
	present := now.Unix() / period
	// Every step is compared, and the latest that fits counts: were it the
	// earliest, a code that fits two steps could be used twice.
	for s := present - window; s <= present+window; s++ {
		want, err := generate(secret, s, base.DigitsSix)
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(code), []byte(want)) == 1 && s > lastStep {
			step, ok = s, true
		}
	}
	return step, ok
}

// generate returns the code of one step (RFC 4226, section 5.3).
func generate(secret string, step int64, digits base.Digits) (string, error) {
	return hotp.GenerateCodeCustom(secret, uint64(max(0, step)), hotp.ValidateOpts{Digits: digits, Algorithm: base.AlgorithmSHA1})
}

func encoding() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }
