package token_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/golang-jwt/jwt/v5"

	"github.com/hivemesh/hivemesh/auth/token"
)

// joseFiles are the files of Project Wycheproof about JOSE and Ed25519, each
// with the reason for which it is out of scope; "" = it is run.
var joseFiles = map[string]string{
	"json_web_signature_test.json":       "",
	"json_web_key_test.json":             "",
	"json_web_crypto_test.json":          "",
	"ed25519_test.json":                  "",
	"json_web_encryption_test.json":      "no encrypted token is made or read",
	"ed448_test.json":                    "Ed448 is no algorithm of the mesh",
	"x25519_jwk_test.json":               "key agreement: tokens are signed",
	"x448_jwk_test.json":                 "key agreement: tokens are signed",
	"ecdh_secp256r1_webcrypto_test.json": "key agreement: tokens are signed",
	"ecdh_secp256k1_webcrypto_test.json": "key agreement: tokens are signed",
	"ecdh_secp384r1_webcrypto_test.json": "key agreement: tokens are signed",
	"ecdh_secp521r1_webcrypto_test.json": "key agreement: tokens are signed",
}

// Why the point that a group makes does not apply, though its vectors are
// refused. There is no vector with an Ed25519 key in these files, so that
// "valid" ones are valid for readers of other algorithms only.
const (
	noRSA  = "about the strength of RSA keys: none is ever offered"
	noEC   = "about points and curves of EC keys: none is ever offered"
	noHMAC = "about the length and use of shared secrets: none is ever offered"
	noJWE  = "encrypted: no such token is made or read"
	noUse  = "about use and key_ops of keys that are read: keys of the mesh come from its log, not from a JWK"
)

// joseGroups are the groups of vectors, each with the reason for which its
// point is out of scope; "" = in scope: algorithms, encodings, signatures.
var joseGroups = map[string]map[string]string{
	"json_web_signature_test.json": {
		"hs256": "", "es256": "", "rs256": "", "rs384": "", "rs512": "", "ps256": "", "ps384": "", "ps512": "", "rfc7520": "", "rfc7520WithKeyOps": "",
		"base64": "", "SpecialCaseEs256": "about special values of ECDSA signatures: no such signature is checked",
		"rsa_encryption": noUse, "ec_key_for_encryption": noUse,
	},
	"json_web_key_test.json": {
		"jws_mixedSymmetryKeyset": "", "jws_keyset": "", "jws_duplicate_kid": "", "rs256": noUse, "invalid_use": noUse,
		"jws_rsa_roca_key": noRSA, "keysize_too_small": noRSA, "exponentOne": noRSA, "HS256": noHMAC, "HS384": noHMAC, "HS512": noHMAC,
		"wrong_algorithm": "", "invalid_algorithm": "", "invalid_point": noEC, "wrong_curve": noEC, "wrong_kty": noEC,
		"invalid_aes_gcm_key": noHMAC, "invalid_aes_kw_key": noHMAC,
	},
	"json_web_crypto_test.json": {
		"jws_aes": "", "jws_ec": "", "jws_rsa": "", "jws_mixedSymmetryKeyset": "", "jws_keyset": "", "jws_rsa_roca_key": noRSA, "jwe_aes": noJWE, "jwe_ec": noJWE,
	},
}

// vectors is a file of JOSE vectors.
type vectors struct {
	NumberOfTests int `json:"numberOfTests"`
	TestGroups    []struct {
		Comment string          `json:"comment"`
		Public  json.RawMessage `json:"public"`
		Private json.RawMessage `json:"private"`
		Tests   []struct {
			ID      int             `json:"tcId"`
			Comment string          `json:"comment"`
			JWS     json.RawMessage `json:"jws"`
			JWE     json.RawMessage `json:"jwe"`
			Result  string          `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func readVectors(t *testing.T, name string, out any) {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Each file about JOSE is run or listed.
func TestWycheproofFiles(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, pattern := range []string{"json_web_*", "*jwk*", "*jws*", "*webcrypto*", "ed25519*", "ed448*", "eddsa*"} {
		names, err := fs.Glob(wycheproof.TestVectors, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			seen[name] = true
			if _, listed := joseFiles[name]; !listed {
				t.Errorf("%s is neither run nor listed with a reason", name)
			}
		}
	}
	for name := range joseFiles {
		if !seen[name] {
			t.Errorf("%s is listed, and is not there", name)
		}
	}
}

// None of the vectors is accepted, by a mesh that finds no key for it and by
// one that finds a key under each name. That holds for "valid" ones too: they
// are of other algorithms, and no vector says typ at+jwt or has its claims.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	for name, groups := range joseGroups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var file vectors
			readVectors(t, name, &file)
			count, seen := map[string]int{}, map[string]bool{}
			for _, g := range file.TestGroups {
				reason, listed := groups[g.Comment]
				if !listed {
					t.Errorf("group %q is neither run nor listed with a reason", g.Comment)
				}
				seen[g.Comment] = true
				if keys := string(g.Public) + string(g.Private); strings.Contains(keys, `"OKP"`) {
					t.Errorf("group %q has a key of the kind of ours: check its signatures too", g.Comment)
				}
				for _, v := range g.Tests {
					if len(v.JWS)+len(v.JWE) == 0 {
						t.Errorf("vector %d offers nothing", v.ID)
					}
					offered := serialised(v.JWS, v.JWE)
					t.Run(fmt.Sprintf("%d %s", v.ID, v.Comment), func(t *testing.T) { refuseVector(t, offered) })
					count["offered"]++
					count["offered, "+v.Result]++
					if reason == "" {
						count["in scope"]++
					}
				}
			}
			for comment := range groups {
				if !seen[comment] {
					t.Errorf("group %q is listed, and is not there", comment)
				}
			}
			if count["offered"] != file.NumberOfTests {
				t.Errorf("offered %d of %d", count["offered"], file.NumberOfTests)
			}
			t.Logf("%d groups, vectors: %v, none accepted", len(file.TestGroups), count)
			logReasons(t, groups)
		})
	}
}

// serialised returns a vector as it would stand in a request.
func serialised(jws, jwe json.RawMessage) string {
	raw := slices.Concat(jws, jwe)
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw) // JSON serialisation
	}
	return text
}

func refuseVector(t *testing.T, offered string) {
	t.Helper()
	for _, key := range []func(string) (ed25519.PublicKey, bool){keys, anyKey} {
		v := token.NewVerifier(token.Config{Issuer: issuer, Audience: audience, Key: key, Now: newClock(issuedAt).now})
		refuse(t, v, offered)
	}
	refuseAssertion(t, offered)
}

func logReasons(t *testing.T, groups map[string]string) {
	t.Helper()
	for comment, reason := range groups {
		if reason != "" {
			t.Logf("refused, but its point is out of scope: %s: %s", comment, reason)
		}
	}
}

// The signature check that stands under every token decides all vectors of
// Ed25519 as they say.
func TestWycheproofEd25519(t *testing.T) {
	t.Parallel()
	var file struct {
		NumberOfTests int `json:"numberOfTests"`
		TestGroups    []struct {
			PublicKey struct {
				PK string `json:"pk"`
			} `json:"publicKey"`
			Tests []struct {
				ID      int    `json:"tcId"`
				Comment string `json:"comment"`
				Message string `json:"msg"`
				Sig     string `json:"sig"`
				Result  string `json:"result"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	readVectors(t, "ed25519_test.json", &file)
	count := map[string]int{}
	for _, g := range file.TestGroups {
		key := ed25519.PublicKey(unhex(t, g.PublicKey.PK))
		for _, v := range g.Tests {
			err := jwt.SigningMethodEdDSA.Verify(string(unhex(t, v.Message)), unhex(t, v.Sig), key)
			if accepted := err == nil; accepted != (v.Result == "valid") {
				t.Errorf("%d %s: %v, want %s", v.ID, v.Comment, err, v.Result)
			}
			count[v.Result]++
		}
	}
	if count["valid"]+count["invalid"] != file.NumberOfTests || count["valid"] == 0 || count["invalid"] == 0 {
		t.Errorf("%v of %d", count, file.NumberOfTests)
	}
	t.Logf("%d groups, vectors: %v, all decided as they say", len(file.TestGroups), count)
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
