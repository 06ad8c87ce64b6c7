package token

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"
)

// MaxAssertion is how long an assertion may count.
const MaxAssertion = 2 * time.Minute

// AssertionKey returns the id of the key that an assertion says it is signed
// with, which nobody has checked.
func AssertionKey(assertion string) (string, error) {
	h, _, err := parts(assertion)
	if err == nil && h.Type != typAssertion {
		err = fmt.Errorf("type %.40q", h.Type)
	}
	return h.Key, err
}

// VerifyAssertion checks an assertion against the public key of who it says it
// is from. Issuer and subject are the same; it counts for two minutes at most.
func VerifyAssertion(assertion string, key ed25519.PublicKey, audience string, now time.Time) (Claims, error) {
	if _, err := AssertionKey(assertion); err != nil {
		return Claims{}, err
	}
	_, payload, err := parts(assertion)
	if err != nil {
		return Claims{}, err
	}
	w, err := claimsOf(assertion, payload, key, now)
	switch {
	case err != nil:
		return Claims{}, err
	case w.Issuer != w.Subject || w.Audience != audience:
		return Claims{}, errors.New("made by or for somebody else")
	case w.over(MaxAssertion) || !now.Before(time.Unix(w.Expires, 0)):
		return Claims{}, errors.New("expired, or counts for too long")
	}
	return w.claims(), nil
}
