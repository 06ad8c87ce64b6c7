package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/auth/token"
)

const (
	assertionHeader = `{"alg":"EdDSA","typ":"client-authentication+jwt","kid":"cred-1"}`
	assertionClaims = `{"iss":"bot","aud":"https://mesh.example","sub":"bot","jti":"once-1","iat":1790000000,"exp":1790000060}`
)

func goodAssertion() token.Claims {
	return token.Claims{Issuer: "bot", Audience: issuer, Subject: "bot", ID: "once-1", IssuedAt: issuedAt, Expires: issuedAt.Add(time.Minute)}
}

func acceptAssertion(t *testing.T, signed string, want token.Claims) {
	t.Helper()
	got, err := token.VerifyAssertion(signed, public(newKey(1)), issuer, issuedAt)
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if id, err := token.AssertionKey(signed); id != "cred-1" || err != nil {
		t.Fatalf("key %q, %v", id, err)
	}
}

func refuseAssertion(t *testing.T, forged string) {
	t.Helper()
	got, err := token.VerifyAssertion(forged, public(newKey(1)), issuer, issuedAt)
	if err == nil || got != (token.Claims{}) {
		t.Fatalf("accepted as %+v, %v", got, err)
	}
	for part := range strings.SplitSeq(forged, ".") {
		if len(part) > 12 && strings.Contains(err.Error(), part) {
			t.Errorf("the error %q shows %q", err, part)
		}
	}
}

func TestAttackAssertionHeader(t *testing.T) {
	t.Parallel()
	acceptAssertion(t, forge(assertionHeader, assertionClaims, newKey(1)), goodAssertion())
	for name, c := range map[string]struct{ old, by string }{
		"alg none":              {`"EdDSA"`, `"none"`},
		"alg None":              {`"EdDSA"`, `"None"`},
		"alg HS256":             {`"EdDSA"`, `"HS256"`},
		"alg missing":           {`"alg":"EdDSA",`, ``},
		"typ of access tokens":  {`"client-authentication+jwt"`, `"at+jwt"`},
		"typ JWT":               {`"client-authentication+jwt"`, `"JWT"`},
		"typ in capitals":       {`"client-authentication+jwt"`, `"Client-Authentication+JWT"`},
		"typ missing":           {`"typ":"client-authentication+jwt",`, ``},
		"kid missing":           {`,"kid":"cred-1"`, ``},
		"kid empty":             {`"cred-1"`, `""`},
		"kid traversal":         {`"cred-1"`, `"../cred-1"`},
		"kid null byte":         {`"cred-1"`, `"cred-1\u0000"`},
		"kid SQL":               {`"cred-1"`, `"' OR 1=1 --"`},
		"kid long":              {`"cred-1"`, `"` + strings.Repeat("k", 65) + `"`},
		"kid twice":             {`"kid":"cred-1"`, `"kid":"cred-1","kid":"cred-2"`},
		"kid again in capitals": {`"kid":"cred-1"`, `"kid":"cred-1","KID":"cred-2"`},
		"jwk":                   {`"kid"`, `"jwk":{"kty":"OKP"},"kid"`},
		"crit":                  {`"kid"`, `"crit":["exp"],"kid"`},
		"b64":                   {`"kid"`, `"b64":false,"kid"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forged := forge(swap(t, assertionHeader, c.old, c.by), assertionClaims, newKey(1))
			refuseAssertion(t, forged)
			if id, err := token.AssertionKey(forged); err == nil {
				t.Errorf("AssertionKey gave %q", id)
			}
		})
	}
}

func TestAttackAssertionClaims(t *testing.T) {
	t.Parallel()
	acceptAssertion(t, forge(assertionHeader, assertionClaims, newKey(1)), goodAssertion())
	for name, c := range map[string]struct{ old, by string }{
		"for another audience":    {`"https://mesh.example"`, `"https://other.example"`},
		"for the API":             {`"https://mesh.example"`, `"` + audience + `"`},
		"for many":                {`"https://mesh.example"`, `["https://mesh.example"]`},
		"no audience":             {`"aud":"https://mesh.example",`, ``},
		"empty audience":          {`"https://mesh.example"`, `""`},
		"issuer is not subject":   {`"iss":"bot"`, `"iss":"eve"`},
		"subject is not issuer":   {`"sub":"bot"`, `"sub":"eve"`},
		"subject in another case": {`"sub":"bot"`, `"sub":"Bot"`},
		"no issuer":               {`"iss":"bot",`, ``},
		"no subject":              {`"sub":"bot",`, ``},
		"subject null":            {`"sub":"bot"`, `"sub":null`},
		"no jti":                  {`"jti":"once-1",`, ``},
		"jti empty":               {`"once-1"`, `""`},
		"jti number":              {`"once-1"`, `1`},
		"no iat":                  {`"iat":1790000000,`, ``},
		"no exp":                  {`,"exp":1790000060`, ``},
		"exp as text":             {`1790000060`, `"1790000060"`},
		"exp null":                {`1790000060`, `null`},
		"subject twice":           {`"sub":"bot"`, `"sub":"bot","sub":"eve"`},
		"subject with a long s":   {`"sub":"bot"`, `"sub":"eve","ſub":"bot"`},
		"unknown member":          {`"jti"`, `"roles":"admin","jti"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuseAssertion(t, forge(assertionHeader, swap(t, assertionClaims, c.old, c.by), newKey(1)))
		})
	}
	t.Run("neither issuer nor subject", func(t *testing.T) {
		t.Parallel()
		refuseAssertion(t, forge(assertionHeader, swap(t, swap(t, assertionClaims, `"iss":"bot",`, ""), `"sub":"bot",`, ""), newKey(1)))
	})
}

func TestAssertionTimes(t *testing.T) {
	t.Parallel()
	now := issuedAt.Unix()
	for name, c := range map[string]struct {
		iat, exp int64
		good     bool
	}{
		"two minutes":                 {now, now + 120, true},
		"two minutes and a second":    {now, now + 121, false},
		"as long as an access token":  {now, now + 900, false},
		"a second left":               {now - 119, now + 1, true},
		"expires now":                 {now - 60, now, false},
		"expired":                     {now - 61, now - 1, false},
		"expired long ago":            {1, 61, false},
		"iat at the leeway":           {now + 5, now + 60, true},
		"iat over the leeway":         {now + 6, now + 60, false},
		"long life, a second left":    {now - 120, now + 1, false},
		"expires before it is made":   {now + 2, now + 1, false},
		"beyond all times":            {now, 1<<63 - 1, false},
		"iat and exp beyond it":       {1<<63 - 61, 1<<63 - 1, false},
		"around the end of numbers":   {1<<63 - 1, -1<<63 + 59, false},
		"before 1970, with a future":  {-1 << 63, now + 60, false},
		"milliseconds, as in Node.js": {now * 1000, now*1000 + 60_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times := fmt.Sprintf(`"iat":%d,"exp":%d`, c.iat, c.exp)
			signed := forge(assertionHeader, swap(t, assertionClaims, `"iat":1790000000,"exp":1790000060`, times), newKey(1))
			if !c.good {
				refuseAssertion(t, signed)
				return
			}
			want := goodAssertion()
			want.IssuedAt, want.Expires = time.Unix(c.iat, 0), time.Unix(c.exp, 0)
			acceptAssertion(t, signed, want)
		})
	}
}

// One sort of token never passes for the other, though both are signed with
// the same key and say the same.
func TestSortsOfTokens(t *testing.T) {
	t.Parallel()
	key := token.Key{ID: keyID, Private: newKey(1)}
	claims := goodToken()
	claims.Issuer, claims.Audience, claims.Subject, claims.Expires = "bot", issuer, "bot", issuedAt.Add(time.Minute)
	access, err := token.Issue(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := token.IssueAssertion(key, claims)
	if err != nil {
		t.Fatal(err)
	}
	v := token.NewVerifier(token.Config{Issuer: "bot", Audience: issuer, Key: keys, Now: newClock(issuedAt).now})
	accept(t, v, access, claims)
	refuse(t, v, assertion)
	refuseAssertion(t, access)
	if got, err := token.VerifyAssertion(assertion, public(newKey(1)), issuer, issuedAt); err != nil || got != claims {
		t.Errorf("control: %+v, %v", got, err)
	}
}

func TestAttackAssertionSignature(t *testing.T) {
	t.Parallel()
	good := forge(assertionHeader, assertionClaims, newKey(1))
	acceptAssertion(t, good, goodAssertion())
	text := good[:strings.LastIndex(good, ".")]
	for name, forged := range map[string]string{
		"of another key": forge(assertionHeader, assertionClaims, newKey(2)), "empty": text + ".", "none": text, "four parts": good + ".AA",
		"padded": good + "==", "line break": good + "\n", "nothing": "", "huge": good + strings.Repeat("A", token.MaxToken),
		"S plus the group order": text + "." + b64(malleable(t, newKey(1), text)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuseAssertion(t, forged)
		})
	}
	for i := range len(good) * 8 {
		flipped := []byte(good)
		flipped[i/8] ^= 1 << (i % 8)
		refuseAssertion(t, string(flipped))
	}
	for name, key := range map[string][]byte{"no key": nil, "short key": public(newKey(1))[:31], "long key": append(public(newKey(1)), 0)} {
		if got, err := token.VerifyAssertion(good, key, issuer, issuedAt); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}
