// Package otp checks the codes of a second factor: those of an authenticator
// (TOTP, RFC 6238) and recovery codes, which work once each.
package otp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// What authenticators take for granted.
const (
	period     = 30 // seconds
	digits     = otp.DigitsSix
	window     = 1  // steps that a clock may be off, either way
	secretSize = 20 // bytes, the length of the HMAC's digest (RFC 4226, section 4)
)

// NewSecret returns a fresh seed of 160 bits.
func NewSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails (crypto/rand since Go 1.24)
	return secret
}

// Encode returns a seed as people type it: base32.
func Encode(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// URL returns a seed as authenticators read it from a QR code.
func URL(issuer, account string, secret []byte) string {
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account}
	u.RawQuery = url.Values{"secret": {Encode(secret)}, "issuer": {issuer}}.Encode()
	return u.String()
}

// Check reports whether code is right at now, and the time step that it belongs
// to. A step that is not after last is refused: codes count once (RFC 6238,
// section 5.2), for which the caller keeps the step.
func Check(secret []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	current := now.Unix() / period
	for s := current - window; s <= current+window; s++ {
		want, err := codeAt(secret, s, digits)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// Code returns the code of a seed at a moment.
func Code(secret []byte, at time.Time) (string, error) {
	return codeAt(secret, at.Unix()/period, digits)
}

func codeAt(secret []byte, step int64, n otp.Digits) (string, error) {
	return hotp.GenerateCodeCustom(Encode(secret), uint64(max(0, step)), hotp.ValidateOpts{Digits: n, Algorithm: otp.AlgorithmSHA1}) //nolint:gosec // not negative
}
