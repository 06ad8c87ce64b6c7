package token_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hivemesh/hivemesh/auth/token"
)

func issue(b *testing.B, id string) string {
	b.Helper()
	claims := goodToken()
	claims.ID = id
	signed, err := token.Issue(token.Key{ID: keyID, Private: newKey(1)}, claims)
	if err != nil {
		b.Fatal(err)
	}
	return signed
}

// verifierOfKey1 returns a verifier that derives no key when it is asked for one.
func verifierOfKey1() *token.Verifier {
	key := public(newKey(1))
	return token.NewVerifier(token.Config{
		Issuer: issuer, Audience: audience, Now: func() time.Time { return issuedAt },
		Key: func(string) (ed25519.PublicKey, bool) { return key, true },
	})
}

func BenchmarkIssue(b *testing.B) {
	k, claims := token.Key{ID: keyID, Private: newKey(1)}, goodToken()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := token.Issue(k, claims); err != nil {
			b.Fatal(err)
		}
	}
}

// Every token is new to its verifier.
func BenchmarkVerify(b *testing.B) {
	signed := make([]string, 1000)
	for i := range signed {
		signed[i] = issue(b, fmt.Sprint(i))
	}
	v, i := verifierOfKey1(), 0
	b.ReportAllocs()
	for b.Loop() {
		if i == len(signed) {
			v, i = verifierOfKey1(), 0
		}
		if _, err := v.Verify(signed[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// The verifier has seen the token before.
func BenchmarkVerifyCached(b *testing.B) {
	v, signed := verifierOfKey1(), issue(b, "token-1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(signed); err != nil {
			b.Fatal(err)
		}
	}
}

// The same token read by golang-jwt alone, with its usual checks.
func BenchmarkBareGolangJWT(b *testing.B) {
	key, signed := public(newKey(1)), issue(b, "token-1")
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return issuedAt }),
	)
	b.ReportAllocs()
	for b.Loop() {
		var claims jwt.RegisteredClaims
		if _, err := parser.ParseWithClaims(signed, &claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			b.Fatal(err)
		}
	}
}
