package token_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/auth/token"
)

// Nothing but the one token that was signed is accepted.
func FuzzVerify(f *testing.F) {
	good := forge(goodHeader, goodClaims, newKey(1))
	p := strings.Split(good, ".")
	for _, seed := range []string{
		good, "", ".", "..", "...", p[0] + "." + p[1] + ".", good + "=", p[1] + "." + p[0] + "." + p[2], rfcSigned + "." + rfcSignature,
		forge(assertionHeader, assertionClaims, newKey(1)), forge(goodHeader, goodClaims, newKey(9)), b64(`{"alg":"none"}`) + "." + p[1] + ".",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, offered string) {
		v := newVerifier(issuedAt)
		for range 2 {
			if got, err := v.Verify(offered); (err == nil) != (offered == good) {
				t.Fatalf("%q: %+v, %v", offered, got, err)
			}
		}
		if got, err := token.VerifyAssertion(offered, public(newKey(2)), issuer, issuedAt); err == nil {
			t.Fatalf("%q: %+v", offered, got)
		}
	})
}

// Headers and claims that are signed with the real key are accepted only when
// a reader who knows nothing of the package reads the same.
func FuzzSigned(f *testing.F) {
	f.Add(goodHeader, goodClaims)
	f.Add(assertionHeader, assertionClaims)
	f.Add(goodHeader, strings.Replace(goodClaims, `"sub":"ada"`, `"sub":"ada","ſub":"eve"`, 1))
	f.Add(goodHeader, strings.Replace(goodClaims, `"exp"`, `"act":{"sub":"bot"},"exp"`, 1))
	f.Add(goodHeader, strings.Replace(goodClaims, `"exp"`, `"nbf":1790000000,"exp"`, 1))
	f.Add(`{"alg":"none"}`, `{}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		got, err := newVerifier(issuedAt).Verify(forge(header, claims, newKey(1)))
		if err != nil {
			return
		}
		var h, c map[string]any
		if json.Unmarshal([]byte(header), &h) != nil || json.Unmarshal([]byte(claims), &c) != nil {
			t.Fatalf("no JSON: %q %q", header, claims)
		}
		if names := slices.Sorted(maps.Keys(h)); !slices.Equal(names, []string{"alg", "kid", "typ"}) || h["alg"] != "EdDSA" || h["typ"] != "at+jwt" {
			t.Fatalf("header %q", header)
		}
		act, _ := c["act"].(map[string]any)
		for name, pair := range map[string][2]any{
			"iss": {c["iss"], got.Issuer}, "aud": {c["aud"], got.Audience}, "sub": {c["sub"], got.Subject}, "client_id": {c["client_id"], got.Client},
			"tenant": {c["tenant"], got.Tenant}, "sid": {c["sid"], got.Session}, "jti": {c["jti"], got.ID},
			"iat": {c["iat"], float64(got.IssuedAt.Unix())}, "exp": {c["exp"], float64(got.Expires.Unix())},
			"scope": {orEmpty(c["scope"]), got.Scope}, "act": {orEmpty(act["sub"]), got.Actor},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("%s is %#v to one and %#v to the other in %q", name, pair[0], pair[1], claims)
			}
		}
	})
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}
