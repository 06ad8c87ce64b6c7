package token_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/domain"
)

const (
	issuer   = "https://mesh.example"
	audience = "https://mesh.example/api"
	keyID    = "key-1"
)

// A token in which everything is right, as it is written by hand. The attacks
// change one thing of it.
const (
	goodHeader = `{"alg":"EdDSA","typ":"at+jwt","kid":"key-1"}`
	goodClaims = `{"iss":"https://mesh.example","aud":"https://mesh.example/api","sub":"ada","client_id":"cli",` +
		`"tenant":"acme","sid":"session-1","jti":"token-1","scope":"task.submit","iat":1790000000,"exp":1790000900}`
)

// issuedAt is the iat of goodClaims.
var issuedAt = time.Unix(1_790_000_000, 0)

func goodToken() token.Claims {
	return token.Claims{
		Issuer: issuer, Audience: audience, Subject: "ada", Client: "cli", Tenant: "acme", Session: "session-1",
		ID: "token-1", Scope: "task.submit", IssuedAt: issuedAt, Expires: issuedAt.Add(15 * time.Minute),
	}
}

// newKey returns the key pair number n, the same at every call.
func newKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func b64(data string) string { return base64.RawURLEncoding.EncodeToString([]byte(data)) }

// forge signs any header and any claims with a real key.
func forge(header, claims string, key ed25519.PrivateKey) string {
	return seal(b64(header)+"."+b64(claims), key)
}

// seal signs text as it stands.
func seal(text string, key ed25519.PrivateKey) string {
	return text + "." + b64(string(ed25519.Sign(key, []byte(text))))
}

// swap replaces the one place of text where old stands.
func swap(t testing.TB, text, old, by string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q does not stand in %q one time", old, text)
	}
	return strings.Replace(text, old, by, 1)
}

// newVerifier returns a verifier that knows the keys 1 and 2, at a time.
func newVerifier(now time.Time) *token.Verifier {
	return token.NewVerifier(token.Config{Issuer: issuer, Audience: audience, Key: keys, Now: func() time.Time { return now }})
}

func keys(id string) (ed25519.PublicKey, bool) {
	switch id {
	case "key-1":
		return public(newKey(1)), true
	case "key-2":
		return public(newKey(2)), true
	}
	return nil, false
}

// anyKey knows key 1 by every name.
func anyKey(string) (ed25519.PublicKey, bool) { return public(newKey(1)), true }

// accept is the control: a token like the forged one, without the attack.
func accept(t *testing.T, v *token.Verifier, signed string, want token.Claims) {
	t.Helper()
	got, err := v.Verify(signed)
	if err != nil {
		t.Fatalf("control: %v: %v", err, errors.Unwrap(err))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

// refuse checks that a token is refused, twice, as an invalid one.
func refuse(t *testing.T, v *token.Verifier, forged string) {
	t.Helper()
	refuseAs(t, v, forged, "token_invalid")
	refuseAs(t, v, forged, "token_invalid")
}

func refuseAs(t *testing.T, v *token.Verifier, forged, code string) {
	t.Helper()
	got, err := v.Verify(forged)
	if err == nil {
		t.Fatalf("accepted as %+v", got)
	}
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.Unauthenticated || e.Code != code || e.Field != "" {
		t.Fatalf("refused with %#v, want %s", err, code)
	}
	if got != (token.Claims{}) {
		t.Fatalf("refused, and yet it says %+v", got)
	}
	silent(t, err, forged)
}

// silent checks that an error shows nothing of the token, and that even its
// causes, which go to the log, show none of its encoded parts.
func silent(t *testing.T, err error, forged string) {
	t.Helper()
	for _, part := range append(strings.Split(forged, "."), keyID, "ada", "acme", "session-1", "token-1") {
		if len(part) > 2 && strings.Contains(err.Error(), part) {
			t.Errorf("the error %q shows %q", err, part)
		}
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		for part := range strings.SplitSeq(forged, ".") {
			if len(part) > 12 && strings.Contains(cause.Error(), part) {
				t.Errorf("the cause %q shows %q", cause, part)
			}
		}
	}
}
