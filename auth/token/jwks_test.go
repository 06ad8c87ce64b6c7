package token_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/auth/token"
)

// RFC 8037, appendix A.
const (
	rfcPrivate    = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"                                            // A.1, d
	rfcPublic     = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"                                            // A.1 and A.2, x
	rfcThumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"                                            // A.3
	rfcSigned     = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"                               // A.4
	rfcSignature  = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg" // A.4
)

func TestVectorsOfRFC8037(t *testing.T) {
	t.Parallel()
	seed, err := base64.RawURLEncoding.DecodeString(rfcPrivate)
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	k := token.JWKS([]token.PublicKey{{ID: "rfc", Key: public(private)}}).Keys[0]
	if want := (token.WebKey{KeyType: "OKP", Curve: "Ed25519", X: rfcPublic, ID: "rfc", Use: "sig", Algorithm: "EdDSA"}); k != want {
		t.Errorf("key %+v, want %+v", k, want)
	}
	thumbprint := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":%q,"x":%q}`, k.Curve, k.KeyType, k.X))
	if got := base64.RawURLEncoding.EncodeToString(thumbprint[:]); got != rfcThumbprint {
		t.Errorf("thumbprint %s", got)
	}
	if got := seal(rfcSigned, private); got != rfcSigned+"."+rfcSignature {
		t.Errorf("signed %s", got)
	}
	signature, err := base64.RawURLEncoding.DecodeString(rfcSignature)
	if err != nil {
		t.Fatal(err)
	}
	if err := jwt.SigningMethodEdDSA.Verify(rfcSigned, signature, public(private)); err != nil {
		t.Error(err)
	}
	v := token.NewVerifier(token.Config{
		Issuer: issuer, Audience: audience, Now: newClock(issuedAt).now,
		Key: func(string) (ed25519.PublicKey, bool) { return public(private), true },
	})
	refuse(t, v, rfcSigned+"."+rfcSignature) // it has no typ, no kid and no claims
}

// What is published as a key set is enough to check the tokens with, and it
// holds nothing private.
func TestKeySetRoundTrip(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(token.JWKS([]token.PublicKey{{ID: "key-2", Key: public(newKey(2))}, {ID: keyID, Key: public(newKey(1))}}))
	if err != nil {
		t.Fatal(err)
	}
	var raw struct {
		Keys []map[string]string `json:"keys"`
	}
	var set token.KeySet
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &set); err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{
		{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public(newKey(1))), "kid": "key-1", "use": "sig", "alg": "EdDSA"},
		{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public(newKey(2))), "kid": "key-2", "use": "sig", "alg": "EdDSA"},
	}
	if d := cmp.Diff(want, raw.Keys); d != "" {
		t.Error(d)
	}
	if strings.Contains(string(data), base64.RawURLEncoding.EncodeToString(newKey(1).Seed())) {
		t.Error("the private key is in the set")
	}
	v := token.NewVerifier(token.Config{
		Issuer: issuer, Audience: audience, Now: newClock(issuedAt).now,
		Key: func(id string) (ed25519.PublicKey, bool) {
			for _, k := range set.Keys {
				if x, err := base64.RawURLEncoding.Strict().DecodeString(k.X); k.ID == id && err == nil {
					return x, true
				}
			}
			return nil, false
		},
	})
	accept(t, v, forge(goodHeader, goodClaims, newKey(1)), goodToken())
	accept(t, v, forge(swap(t, goodHeader, "key-1", "key-2"), goodClaims, newKey(2)), goodToken())
	refuse(t, v, forge(swap(t, goodHeader, "key-1", "key-2"), goodClaims, newKey(1)))
	if empty, err := json.Marshal(token.JWKS(nil)); err != nil || string(empty) != `{"keys":[]}` {
		t.Errorf("no keys are %s, %v", empty, err)
	}
}
