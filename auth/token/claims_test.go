package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/auth/token"
)

// attackClaims offers goodClaims with one thing changed, well signed.
func attackClaims(t *testing.T, name, claims string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		v := newVerifier(issuedAt)
		accept(t, v, forge(goodHeader, goodClaims, newKey(1)), goodToken())
		refuse(t, v, forge(goodHeader, claims, newKey(1)))
	})
}

// members are those that every token has, as they stand in goodClaims.
var members = map[string]string{
	"iss": `"https://mesh.example"`, "aud": `"https://mesh.example/api"`, "sub": `"ada"`, "client_id": `"cli"`, "tenant": `"acme"`,
	"sid": `"session-1"`, "jti": `"token-1"`, "iat": `1790000000`, "exp": `1790000900`,
}

func TestAttackClaimMissing(t *testing.T) {
	t.Parallel()
	for name, value := range members {
		member := fmt.Sprintf("%q:%s", name, value)
		without := strings.Replace(swap(t, goodClaims, member, ""), ",,", ",", 1)
		without = strings.Replace(strings.Replace(without, "{,", "{", 1), ",}", "}", 1)
		attackClaims(t, name+" missing", without)
		attackClaims(t, name+" null", swap(t, goodClaims, member, fmt.Sprintf("%q:null", name)))
		attackClaims(t, name+" empty", swap(t, goodClaims, member, fmt.Sprintf("%q:%q", name, "")))
	}
	attackClaims(t, "no claims", `{}`)
}

func TestAttackClaimType(t *testing.T) {
	t.Parallel()
	for name, value := range members {
		member := fmt.Sprintf("%q:%s", name, value)
		others := map[string]string{
			"false": `false`, "true": `true`, "array": `[` + value + `]`, "object": `{"sub":` + value + `}`, "empty array": `[]`, "empty object": `{}`,
		}
		if strings.HasPrefix(value, `"`) {
			others["number"] = "1"
		} else {
			others["string"], others["date"] = `"`+value+`"`, `"2026-09-21T14:13:20Z"`
			others["fraction"], others["exponent"], others["negative"] = value+".5", "179e7", "-"+value
			others["out of range"], others["out of range of int64"] = "1e300", "9223372036854775808"
		}
		for sort, other := range others {
			attackClaims(t, name+" as "+sort, swap(t, goodClaims, member, fmt.Sprintf("%q:%s", name, other)))
		}
	}
	for _, scope := range []string{`null`, `1`, `["task.submit"]`, `{}`, `true`} {
		attackClaims(t, "scope as "+scope, swap(t, goodClaims, `"task.submit"`, scope))
	}
	for _, act := range []string{
		`null`, `"bot"`, `{}`, `{"sub":""}`, `{"sub":null}`, `{"sub":1}`, `["bot"]`, `{"sub":"bot","act":{"sub":"x"}}`, `{"sub":"bot","iss":"x"}`,
		`{"sub":"bot","sub":"eve"}`, `{"Sub":"bot"}`, `{"sub":{"sub":{"sub":{"sub":{"sub":"bot"}}}}}`,
	} {
		attackClaims(t, "act as "+act, swap(t, goodClaims, `"exp"`, `"act":`+act+`,"exp"`))
	}
}

func TestActorIsRead(t *testing.T) {
	t.Parallel()
	want := goodToken()
	want.Actor = "bot"
	accept(t, newVerifier(issuedAt), forge(goodHeader, swap(t, goodClaims, `"exp"`, `"act":{"sub":"bot"},"exp"`), newKey(1)), want)
}

func TestAttackClaimValue(t *testing.T) {
	t.Parallel()
	for _, iss := range []string{"https://evil.example", "https://mesh.example/", "HTTPS://MESH.EXAMPLE", "https://mesh.example\x00", " https://mesh.example", "mesh.example"} {
		attackClaims(t, fmt.Sprintf("iss %q", iss), swap(t, goodClaims, `"https://mesh.example"`, quote(iss)))
	}
	for _, aud := range []string{"https://mesh.example", "https://other.example/api", "https://mesh.example/api/", "https://mesh.example/API", "*", "https://mesh.example/api https://x"} {
		attackClaims(t, fmt.Sprintf("aud %q", aud), swap(t, goodClaims, `"https://mesh.example/api"`, quote(aud)))
	}
	attackClaims(t, "aud array of one", swap(t, goodClaims, `"https://mesh.example/api"`, `["https://mesh.example/api"]`))
	attackClaims(t, "aud array of two", swap(t, goodClaims, `"https://mesh.example/api"`, `["https://mesh.example/api","https://x"]`))
	for _, tenant := range []string{"ACME", "acme.ev", "acme.>", "*", "../acme", "acme ", "acme\x00", "acme\n", strings.Repeat("a", 64)} {
		attackClaims(t, fmt.Sprintf("tenant %q", tenant), swap(t, goodClaims, `"acme"`, quote(tenant)))
	}
}

// quote returns text as a JSON string.
func quote(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// Readers of JSON disagree about members that stand twice and about names in
// another case. The second reading is offered in each place.
func TestAttackMembers(t *testing.T) {
	t.Parallel()
	for name, value := range members {
		member := fmt.Sprintf("%q:%s", name, value)
		escaped := fmt.Sprintf(`"\u%04x%s":%s`, name[0], name[1:], value)
		attackClaims(t, name+" twice", swap(t, goodClaims, member, member+","+member))
		attackClaims(t, name+" twice, once escaped", swap(t, goodClaims, member, member+","+escaped))
		attackClaims(t, name+" first, as null", swap(t, goodClaims, "{", fmt.Sprintf("{%q:null,", name)))
		attackClaims(t, name+" last, as null", swap(t, goodClaims, "}", fmt.Sprintf(",%q:null}", name)))
		attackClaims(t, name+" in capitals", swap(t, goodClaims, member, fmt.Sprintf("%q:%s", strings.ToUpper(name), value)))
		attackClaims(t, name+" also in capitals", swap(t, goodClaims, member, member+fmt.Sprintf(",%q:%s", strings.ToUpper(name), value)))
		if strings.Contains(name, "s") { // the long s folds to it
			long := strings.Replace(name, "s", "ſ", 1)
			attackClaims(t, long+" for it", swap(t, goodClaims, member, fmt.Sprintf("%q:%s", long, value)))
			attackClaims(t, long+" beside it", swap(t, goodClaims, member, member+fmt.Sprintf(",%q:%s", long, value)))
		}
	}
	for _, unknown := range []string{`"roles":"admin"`, `"role":"admin"`, `"permissions":"*"`, `"":""`, `"__proto__":{}`, `"cnf":{}`, `"amr":["pwd"]`, `"a":{"b":{"c":{"d":{"e":{"f":1}}}}}`} {
		attackClaims(t, "unknown "+unknown, swap(t, goodClaims, "}", ","+unknown+"}"))
	}
	attackClaims(t, "nested deep", swap(t, goodClaims, "}", `,"a":`+strings.Repeat(`{"a":`, 900)+"1"+strings.Repeat("}", 900)+"}"))
	for name, value := range map[string]string{"alg": `"EdDSA"`, "typ": `"at+jwt"`, "kid": `"key-1"`} {
		for how, header := range map[string]string{
			"twice":            swap(t, goodHeader, "}", fmt.Sprintf(",%q:%s}", name, value)),
			"twice, first odd": swap(t, goodHeader, "{", fmt.Sprintf("{%q:%q,", name, "none")),
			"twice, last odd":  swap(t, goodHeader, "}", fmt.Sprintf(",%q:%q}", name, "none")),
			"twice, last null": swap(t, goodHeader, "}", fmt.Sprintf(",%q:null}", name)),
			"twice, escaped":   swap(t, goodHeader, "}", fmt.Sprintf(`,"\u%04x%s":%s}`, name[0], name[1:], value)),
			"in capitals":      swap(t, goodHeader, fmt.Sprintf("%q", name), fmt.Sprintf("%q", strings.ToUpper(name))),
			"also in capitals": swap(t, goodHeader, "}", fmt.Sprintf(",%q:%s}", strings.ToUpper(name), value)),
			"Kelvin sign":      strings.Replace(swap(t, goodHeader, "{", `{"K":"",`), `"kid"`, `"Kid"`, 1),
		} {
			t.Run("header "+name+" "+how, func(t *testing.T) {
				t.Parallel()
				refuse(t, newVerifier(issuedAt), forge(header, goodClaims, newKey(1)))
			})
		}
	}
}

// The limits of the times, to the second: a token counts from five seconds
// before its iat (clocks differ) and not at its exp.
func TestTimes(t *testing.T) {
	t.Parallel()
	const day = int64(24 * time.Hour / time.Second)
	const leeway = int64(token.Leeway / time.Second)
	now := issuedAt.Unix()
	for _, c := range []struct {
		name          string
		iat, nbf, exp int64
		code          string // "" = accepted
	}{
		{"just made", now, 0, now + 900, ""},
		{"a second left", now - 899, 0, now + 1, ""},
		{"exp is now", now - 900, 0, now, "token_expired"},
		{"exp was a second ago", now - 900, 0, now - 1, "token_expired"},
		{"expired within the leeway", now - 900, 0, now - leeway, "token_expired"},
		{"expired long ago", 1, 0, 901, "token_expired"},
		{"iat at the leeway", now + leeway, 0, now + 900, ""},
		{"iat a second over the leeway", now + leeway + 1, 0, now + 900, "token_invalid"},
		{"iat tomorrow", now + day, 0, now + 2*day, "token_invalid"},
		{"nbf now", now, now, now + 900, ""},
		{"nbf at the leeway", now, now + leeway, now + 900, ""},
		{"nbf a second over the leeway", now, now + leeway + 1, now + 900, "token_invalid"},
		{"nbf beyond all times", now, 1<<63 - 1, now + 900, "token_invalid"},
		{"life of a day", now, 0, now + day, ""},
		{"life of a day, over", now - day, 0, now, "token_expired"},
		{"life of a day and a second", now, 0, now + day + 1, "token_invalid"},
		{"life of a day and a second, late", now - day, 0, now + 1, "token_invalid"},
		{"no life", now, 0, now, "token_invalid"},
		{"exp before iat", now + 1, 0, now, "token_invalid"},
		{"exp beyond all times", now, 0, 1<<63 - 1, "token_invalid"},
		{"iat and exp beyond all times", 1<<63 - 900, 0, 1<<63 - 1, "token_invalid"},
		{"iat before all times", -1 << 63, 0, now + 900, "token_invalid"},
		{"life around the end of numbers", 1<<63 - 1, 0, -1<<63 + 898, "token_invalid"},
		{"iat 0", 0, 0, 900, "token_invalid"},
		{"iat in milliseconds", now * 1000, 0, now*1000 + 900, "token_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			times := fmt.Sprintf(`"iat":%d,"exp":%d`, c.iat, c.exp)
			if c.nbf != 0 {
				times += fmt.Sprintf(`,"nbf":%d`, c.nbf)
			}
			signed := forge(goodHeader, swap(t, goodClaims, `"iat":1790000000,"exp":1790000900`, times), newKey(1))
			v := newVerifier(issuedAt)
			if c.code != "" {
				refuseAs(t, v, signed, c.code)
				refuseAs(t, v, signed, c.code)
				return
			}
			want := goodToken()
			want.IssuedAt, want.Expires = time.Unix(c.iat, 0), time.Unix(c.exp, 0)
			accept(t, v, signed, want)
		})
	}
}
