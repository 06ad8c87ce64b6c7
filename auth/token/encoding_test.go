package token_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/hivemesh/hivemesh/auth/token"
)

// Other spellings of the same bytes are refused even when the signature is made
// over the spelling, so that a token has one text.
func TestAttackEncoding(t *testing.T) {
	t.Parallel()
	good := forge(goodHeader, goodClaims, newKey(1))
	p := strings.Split(good, ".")
	for name, change := range map[string]func(part string) string{
		"padded":               func(s string) string { return s + strings.Repeat("=", 3-(len(s)+3)%4) },
		"padded too far":       func(s string) string { return s + "====" },
		"standard alphabet":    standard,
		"line break after":     func(s string) string { return s + "\n" },
		"line break inside":    func(s string) string { return s[:8] + "\r\n" + s[8:] },
		"space before":         func(s string) string { return " " + s },
		"tab inside":           func(s string) string { return s[:8] + "\t" + s[8:] },
		"null byte":            func(s string) string { return s + "\x00" },
		"one character more":   func(s string) string { return s + "A" },
		"one character less":   func(s string) string { return s[:len(s)-1] },
		"percent":              func(s string) string { return s[:8] + "%41" + s[9:] },
		"not base64":           func(s string) string { return s[:8] + "!" + s[9:] },
		"unused bits set":      unusedBits,
		"encoded twice":        b64,
		"as it was":            func(string) string { return goodClaims },
		"empty":                func(string) string { return "" },
		"broken UTF-8":         func(s string) string { return s[:8] + "\xff" + s[9:] },
		"digits of other sort": func(s string) string { return s[:8] + "４" + s[8:] },
	} {
		for i, part := range []string{"header", "claims", "signature"} {
			text := []string{p[0], p[1], p[2]}
			if text[i] = change(p[i]); text[i] == p[i] {
				continue // the change leaves this part as it is
			}
			t.Run(part+" "+name, func(t *testing.T) {
				t.Parallel()
				v := newVerifier(issuedAt)
				accept(t, v, good, goodToken())
				refuse(t, v, strings.Join(text, "."))
				if i < 2 {
					refuse(t, v, seal(text[0]+"."+text[1], newKey(1)))
				}
			})
		}
	}
}

// standard writes a part in the alphabet with + and /; one that has neither is
// spoilt in the same way.
func standard(s string) string {
	if t := strings.NewReplacer("-", "+", "_", "/").Replace(s); t != s {
		return t
	}
	return s[:8] + "/" + s[9:]
}

// unusedBits sets the bits of the last character that carry nothing.
func unusedBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(s)%4 == 0 {
		return s
	}
	last := len(s) - 1
	return s[:last] + string(alphabet[strings.IndexByte(alphabet, s[last])|1])
}

func TestAttackShape(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	good := forge(goodHeader, goodClaims, newKey(1))
	accept(t, v, good, goodToken())
	p := strings.Split(good, ".")
	for name, forged := range map[string]string{
		"nothing": "", "one part": p[0], "two parts": p[0] + "." + p[1], "two parts, signature": p[0] + "." + p[2], "four parts": good + ".AA",
		"four parts, the last empty": good + ".", "an empty part before": "." + good, "five parts as of JWE": good + "." + p[0] + "." + p[1],
		"dots": "..", "more dots": strings.Repeat(".", 8000), "detached": p[0] + ".." + p[2], "Bearer": "Bearer " + good, "quoted": `"` + good + `"`,
		"twice": good + good, "two, by a comma": good + "," + good, "space after": good + " ", "line break after": good + "\n", "in capitals": strings.ToUpper(good),
		"JSON form":      `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`,
		"header array":   forge("["+goodHeader+"]", goodClaims, newKey(1)),
		"header null":    forge("null", goodClaims, newKey(1)),
		"header text":    forge(`"x"`, goodClaims, newKey(1)),
		"header empty":   forge("", goodClaims, newKey(1)),
		"header object":  forge("{}", goodClaims, newKey(1)),
		"claims array":   forge(goodHeader, "["+goodClaims+"]", newKey(1)),
		"claims null":    forge(goodHeader, "null", newKey(1)),
		"claims text":    forge(goodHeader, `"x"`, newKey(1)),
		"claims number":  forge(goodHeader, "1", newKey(1)),
		"claims a token": forge(goodHeader, good, newKey(1)),
		"huge":           strings.Repeat("A", 1<<20),
		"huge claims":    forge(goodHeader, swap(t, goodClaims, `task.submit`, strings.Repeat("a", token.MaxToken)), newKey(1)),
		"huge signature": good + strings.Repeat("A", token.MaxToken),
		"deep":           forge(goodHeader, strings.Repeat(`{"a":`, 1000), newKey(1)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse(t, v, forged)
		})
	}
	for name, change := range map[string]func(string) string{
		"object after": func(s string) string { return s + "{}" }, "itself after": func(s string) string { return s + s },
		"bracket after": func(s string) string { return s + "}" }, "null byte after": func(s string) string { return s + "\x00" },
		"letter after": func(s string) string { return s + "x" }, "comma after": func(s string) string { return s + "," },
		"comma inside": func(s string) string { return s[:len(s)-1] + ",}" }, "cut off": func(s string) string { return s[:len(s)-1] },
		"byte order mark": func(s string) string { return "\ufeff" + s }, "comment": func(s string) string { return "/**/" + s },
		"UTF-16": wide, "single quotes": func(s string) string { return strings.ReplaceAll(s, `"`, `'`) },
	} {
		for part, forged := range map[string]string{
			"header": forge(change(goodHeader), goodClaims, newKey(1)), "claims": forge(goodHeader, change(goodClaims), newKey(1)),
		} {
			t.Run(part+" "+name, func(t *testing.T) {
				t.Parallel()
				refuse(t, v, forged)
			})
		}
	}
}

// wide writes text as UTF-16.
func wide(text string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

// Tokens count up to the limit of their length, and not one byte over it.
func TestLongestToken(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	accepted := map[int]bool{}
	for kid := 5; kid < 9; kid++ { // base64 has no text of every length
		header := swap(t, goodHeader, "key-1", strings.Repeat("k", kid))
		w := token.NewVerifier(token.Config{Issuer: issuer, Audience: audience, Now: newClock(issuedAt).now, Key: anyKey})
		for n := 5600; n < 5900; n++ {
			want := goodToken()
			want.Scope = strings.Repeat("a", n)
			signed := forge(header, swap(t, goodClaims, "task.submit", want.Scope), newKey(1))
			switch {
			case len(signed) <= token.MaxToken-4 || len(signed) > token.MaxToken+4:
			case len(signed) <= token.MaxToken:
				accept(t, w, signed, want)
				accepted[len(signed)] = true
			default:
				refuse(t, w, signed)
				refuse(t, v, signed)
				accepted[len(signed)] = false
			}
		}
	}
	if at, over := accepted[token.MaxToken], accepted[token.MaxToken+1]; !at || over {
		t.Errorf("the limit was not met: %v", accepted)
	}
}

// Each bit of a token matters.
func TestEveryBit(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	good := forge(goodHeader, goodClaims, newKey(1))
	accept(t, v, good, goodToken())
	for i := range len(good) * 8 {
		flipped := []byte(good)
		flipped[i/8] ^= 1 << (i % 8)
		if got, err := v.Verify(string(flipped)); err == nil {
			t.Fatalf("bit %d: accepted as %+v", i, got)
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(good[strings.LastIndex(good, ".")+1:])
	if err != nil || len(signature) != ed25519.SignatureSize {
		t.Fatal(len(signature), err)
	}
}
