package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hivemesh/hivemesh/auth/token"
)

func TestAttackAlgNone(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	accept(t, v, forge(goodHeader, goodClaims, newKey(1)), goodToken())
	spellings := []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `"none "`, `" none"`, `"none\u0000"`, `"n\u006fne"`, `"NonE"`, `""`, `null`,
		`0`, `false`, `[]`, `["EdDSA"]`, `{}`, `{"alg":"EdDSA"}`,
	}
	for _, s := range spellings {
		header := swap(t, goodHeader, `"EdDSA"`, s)
		text := b64(header) + "." + b64(goodClaims)
		good := forge(header, goodClaims, newKey(1))
		for sort, forged := range map[string]string{"empty": text + ".", "zero": text + ".AA", "real": good, "no part": text} {
			t.Run(s+" with signature "+sort, func(t *testing.T) {
				t.Parallel()
				refuse(t, v, forged)
			})
		}
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		refuse(t, v, forge(swap(t, goodHeader, `"alg":"EdDSA",`, ""), goodClaims, newKey(1)))
	})
}

func TestAttackSignature(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	good := forge(goodHeader, goodClaims, newKey(1))
	accept(t, v, good, goodToken())
	text, signature := good[:strings.LastIndex(good, ".")], good[strings.LastIndex(good, ".")+1:]
	other := forge(goodHeader, swap(t, goodClaims, `"ada"`, `"eve"`), newKey(1))
	o, g := strings.Split(other, "."), strings.Split(good, ".")
	second := forge(swap(t, goodHeader, "key-1", "key-2"), goodClaims, newKey(2))
	accept(t, v, second, goodToken())
	s := strings.Split(second, ".")
	for name, forged := range map[string]string{
		"empty":                      text + ".",
		"null":                       text + "." + b64("null"),
		"null bytes":                 text + "." + b64(strings.Repeat("\x00", ed25519.SignatureSize)),
		"short":                      text + "." + signature[:84],
		"long":                       text + "." + signature + "AA",
		"twice":                      text + "." + signature + signature,
		"of a key nobody knows":      forge(goodHeader, goodClaims, newKey(9)),
		"of another key of the mesh": forge(goodHeader, goodClaims, newKey(2)),
		"claims changed":             g[0] + "." + o[1] + "." + g[2],
		"signature of another token": g[0] + "." + g[1] + "." + o[2],
		"header of another token":    s[0] + "." + g[1] + "." + g[2],
		"header and signature":       s[0] + "." + o[1] + "." + s[2],
		"parts in another order":     g[1] + "." + g[0] + "." + g[2],
		"over the claims only":       text + "." + b64(string(ed25519.Sign(newKey(1), []byte(b64(goodClaims))))),
		"over the decoded text":      text + "." + b64(string(ed25519.Sign(newKey(1), []byte(goodHeader+"."+goodClaims)))),
		"S plus the group order":     text + "." + b64(malleable(t, newKey(1), text)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse(t, v, forged)
		})
	}
}

// malleable returns a second signature of the same text: S + L, which RFC 8032
// (section 5.1.7) tells a verifier to refuse.
func malleable(t *testing.T, k ed25519.PrivateKey, text string) string {
	t.Helper()
	order := [32]byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10}
	signature := ed25519.Sign(k, []byte(text))
	carry := 0
	for i := range order {
		sum := int(signature[32+i]) + int(order[i]) + carry
		signature[32+i], carry = byte(sum), sum>>8
	}
	if carry != 0 {
		t.Fatal("S + L does not fit")
	}
	return string(signature)
}

func TestAttackAlgorithmConfusion(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	accept(t, v, forge(goodHeader, goodClaims, newKey(1)), goodToken())
	key := public(newKey(1))
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	set := token.JWKS([]token.PublicKey{{ID: keyID, Key: key}})
	for name, secret := range map[string]string{
		"bytes": string(key), "base64url": base64.RawURLEncoding.EncodeToString(key), "x of the key set": set.Keys[0].X, "DER": string(der), "empty": "", "key id": keyID,
		"PEM": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "weak secret": "secret",
	} {
		t.Run("HS256 with the public key as "+name, func(t *testing.T) {
			t.Parallel()
			for _, alg := range []string{"HS256", "EdDSA"} {
				text := b64(swap(t, goodHeader, "EdDSA", alg)) + "." + b64(goodClaims)
				mac := hmac.New(sha256.New, []byte(secret))
				mac.Write([]byte(text))
				refuse(t, v, text+"."+b64(string(mac.Sum(nil))))
			}
		})
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, sign := range map[string]func(digest []byte) ([]byte, error){
		"RS256": func(d []byte) ([]byte, error) { return rsa.SignPKCS1v15(nil, private, crypto.SHA256, d) },
		"PS256": func(d []byte) ([]byte, error) { return rsa.SignPSS(rand.Reader, private, crypto.SHA256, d, nil) },
		"ES256": func(d []byte) ([]byte, error) {
			r, s, err := ecdsa.Sign(rand.Reader, curve, d)
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), err
		},
	} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			for _, named := range []string{alg, "EdDSA"} {
				text := b64(swap(t, goodHeader, "EdDSA", named)) + "." + b64(goodClaims)
				digest := sha256.Sum256([]byte(text))
				signature, err := sign(digest[:])
				if err != nil {
					t.Fatal(err)
				}
				refuse(t, v, text+"."+b64(string(signature)))
			}
		})
	}
	for _, alg := range []string{"HS256", "HS384", "HS512", "RS256", "ES256", "PS256", "ES256K", "Ed25519", "Ed448", "eddsa", "EDDSA", "EdDsa", "EdDSA ", "dir", "A128KW"} {
		t.Run(alg+" with a real Ed25519 signature", func(t *testing.T) {
			t.Parallel()
			refuse(t, v, forge(swap(t, goodHeader, "EdDSA", alg), goodClaims, newKey(1)))
		})
	}
}

// The attacker signs with a key of its own and says in the header where to
// find it. Nothing may be fetched, and the members are refused even beside a
// good signature.
func TestAttackHeaderMembers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	eve := newKey(9)
	jwk := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q,"kid":"key-1","alg":"EdDSA"}`, base64.RawURLEncoding.EncodeToString(public(eve)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprintf(w, `{"keys":[%s]}`, jwk)
	}))
	t.Cleanup(func() {
		server.Close()
		if n := asked.Load(); n != 0 {
			t.Errorf("%d requests were made for a key", n)
		}
	})
	v := newVerifier(issuedAt)
	accept(t, v, forge(goodHeader, goodClaims, newKey(1)), goodToken())
	for name, member := range map[string]string{
		"jwk": `"jwk":` + jwk, "jku": `"jku":"` + server.URL + `/jwks.json"`, "x5u": `"x5u":"` + server.URL + `/cert.pem"`,
		"x5c": `"x5c":["MIIB"]`, "x5c text": `"x5c":"MIIB"`, "x5t": `"x5t":"AA"`, "x5t#S256": `"x5t#S256":"AA"`,
		"crit": `"crit":["exp"]`, "crit empty": `"crit":[]`, "crit text": `"crit":"b64"`, "crit null": `"crit":null`,
		"b64 false": `"b64":false`, "b64 true": `"b64":true`, "b64 with crit": `"b64":false,"crit":["b64"]`,
		"cty": `"cty":"JWT"`, "zip": `"zip":"DEF"`, "enc": `"enc":"A128GCM"`, "iss": `"iss":"https://mesh.example"`, "unknown": `"x":1`,
	} {
		header := swap(t, goodHeader, `,"kid":"key-1"`, `,"kid":"key-1",`+member)
		nameless := swap(t, goodHeader, `,"kid":"key-1"`, ","+member)
		for by, forged := range map[string]string{
			"real key": forge(header, goodClaims, newKey(1)), "own key": forge(header, goodClaims, eve), "own key, no kid": forge(nameless, goodClaims, eve),
		} {
			t.Run(name+" signed with the "+by, func(t *testing.T) {
				t.Parallel()
				refuse(t, v, forged)
			})
		}
	}
	t.Run("b64 false with the claims as they are", func(t *testing.T) {
		t.Parallel()
		header := swap(t, goodHeader, `{"alg"`, `{"b64":false,"crit":["b64"],"alg"`)
		refuse(t, v, seal(b64(header)+"."+goodClaims, newKey(1)))
	})
}

// The keys are found by every name here, so that nothing but the form of the
// kid can be what refuses it.
func TestAttackKid(t *testing.T) {
	t.Parallel()
	v := token.NewVerifier(token.Config{Issuer: issuer, Audience: audience, Now: newClock(issuedAt).now, Key: anyKey})
	accept(t, v, forge(swap(t, goodHeader, "key-1", strings.Repeat("k", 64)), goodClaims, newKey(1)), goodToken())
	for name, kid := range map[string]string{
		"traversal": `"../../../../dev/null"`, "traversal in Windows": `"..\\..\\key-1"`, "absolute": `"/proc/self/environ"`, "encoded": `"%2e%2e%2fkey-1"`,
		"SQL": `"key-1' OR '1'='1"`, "SQL union": `"x' UNION SELECT 'secret';--"`, "command": `"key-1|id"`, "template": `"{{.}}"`,
		"null byte": `"key-1\u0000"`, "null byte inside": `"key-1\u0000.pem"`, "line break": `"key-1\n"`, "carriage return": `"key-1\r"`,
		"very long": `"` + strings.Repeat("k", 65) + `"`, "huge": `"` + strings.Repeat("k", 4096) + `"`, "empty": `""`, "blank": `" "`, "space after": `"key-1 "`,
		"wildcard": `"*"`, "subject": `"ev.>"`, "URL": `"https://evil.example/key"`, "other letters": `"kеy-1"`, "broken UTF-8": "\"key-1\xff\"",
		"null": `null`, "number": `1`, "true": `true`, "array": `["key-1"]`, "object": `{"kid":"key-1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse(t, v, forge(swap(t, goodHeader, `"key-1"`, kid), goodClaims, newKey(1)))
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		refuse(t, v, forge(swap(t, goodHeader, `,"kid":"key-1"`, ""), goodClaims, newKey(1)))
	})
	t.Run("of no key", func(t *testing.T) {
		t.Parallel()
		refuse(t, newVerifier(issuedAt), forge(swap(t, goodHeader, "key-1", "key-3"), goodClaims, newKey(1)))
	})
	t.Run("in another case", func(t *testing.T) {
		t.Parallel()
		refuse(t, newVerifier(issuedAt), forge(swap(t, goodHeader, "key-1", "KEY-1"), goodClaims, newKey(1)))
	})
}

func TestAttackTyp(t *testing.T) {
	t.Parallel()
	v := newVerifier(issuedAt)
	accept(t, v, forge(goodHeader, goodClaims, newKey(1)), goodToken())
	for _, typ := range []string{
		`"JWT"`, `"jwt"`, `"id_token"`, `"refresh+jwt"`, `"client-authentication+jwt"`, `"dpop+jwt"`, `"secevent+jwt"`, `"JOSE"`,
		`"AT+JWT"`, `"at+JWT"`, `"At+Jwt"`, `"application/at+jwt"`, `"at+jwt "`, `"at+jwt\u0000"`, `"at jwt"`, `""`, `null`, `1`, `["at+jwt"]`,
	} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			refuse(t, v, forge(swap(t, goodHeader, `"at+jwt"`, typ), goodClaims, newKey(1)))
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		refuse(t, v, forge(swap(t, goodHeader, `"typ":"at+jwt",`, ""), goodClaims, newKey(1)))
	})
	t.Run("an id token of the same issuer", func(t *testing.T) {
		t.Parallel()
		claims := swap(t, goodClaims, `"client_id":"cli"`, `"nonce":"n"`)
		refuse(t, v, forge(swap(t, goodHeader, "at+jwt", "JWT"), claims, newKey(1)))
	})
}
