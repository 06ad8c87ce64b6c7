package token_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/auth/token"
)

// anyClaims draws claims that a token may be issued with at issuedAt.
func anyClaims(t *rapid.T) token.Claims {
	text := rapid.StringN(1, 40, 200)
	made := issuedAt.Add(time.Duration(rapid.IntRange(-3600, 5).Draw(t, "made")) * time.Second)
	left := rapid.IntRange(1, 3600).Draw(t, "left")
	return token.Claims{
		Issuer: issuer, Audience: audience, Subject: text.Draw(t, "subject"), Client: text.Draw(t, "client"),
		Tenant: rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,62}`).Draw(t, "tenant"), Session: text.Draw(t, "session"), ID: text.Draw(t, "id"),
		Scope: rapid.StringN(0, 40, 200).Draw(t, "scope"), Actor: rapid.StringN(0, 40, 200).Draw(t, "actor"),
		IssuedAt: made, Expires: later(made, issuedAt).Add(time.Duration(left) * time.Second),
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// What is issued is read back as it was, the first time and from memory. With
// any one bit turned it is refused, and by the time it expires it is too.
func TestIssueVerify(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		claims := anyClaims(t)
		key := token.Key{ID: rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "kid"), Private: newKey(1)}
		signed, err := token.Issue(key, claims)
		if err != nil {
			t.Fatal(err)
		}
		c := newClock(issuedAt)
		v := token.NewVerifier(token.Config{Issuer: issuer, Audience: audience, Key: anyKey, Now: c.now})
		for range 2 {
			got, err := v.Verify(signed)
			if err != nil {
				t.Fatalf("%s: %v", signed, err)
			}
			if d := cmp.Diff(claims, got); d != "" {
				t.Fatal(d)
			}
		}
		bit := rapid.IntRange(0, len(signed)*8-1).Draw(t, "bit")
		flipped := []byte(signed)
		flipped[bit/8] ^= 1 << (bit % 8)
		if got, err := v.Verify(string(flipped)); err == nil {
			t.Fatalf("bit %d: accepted as %+v", bit, got)
		}
		c.set(claims.Expires)
		if _, err := v.Verify(signed); err == nil {
			t.Fatal("accepted after it expired")
		}
	})
}

// An assertion is read back as it was made, with the subject as its issuer.
func TestIssueVerifyAssertion(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		made := rapid.IntRange(-60, 5).Draw(t, "made")
		claims := token.Claims{
			Audience: issuer, Subject: rapid.StringN(1, 40, 200).Draw(t, "subject"), ID: rapid.StringN(1, 40, 200).Draw(t, "id"),
			IssuedAt: issuedAt.Add(time.Duration(made) * time.Second), Expires: issuedAt.Add(time.Duration(rapid.IntRange(6, 60).Draw(t, "left")) * time.Second),
		}
		signed, err := token.IssueAssertion(token.Key{ID: "cred-1", Private: newKey(1)}, claims)
		if err != nil {
			t.Fatal(err)
		}
		got, err := token.VerifyAssertion(signed, public(newKey(1)), issuer, issuedAt)
		if err != nil {
			t.Fatal(err)
		}
		claims.Issuer = claims.Subject
		if d := cmp.Diff(claims, got); d != "" {
			t.Fatal(d)
		}
		if _, err := token.VerifyAssertion(signed, public(newKey(2)), issuer, issuedAt); err == nil {
			t.Fatal("accepted under another key")
		}
	})
}
