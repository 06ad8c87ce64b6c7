package token

import (
	"encoding/base64"
	"slices"
	"strings"
)

// KeySet is a JSON Web Key Set (RFC 7517).
type KeySet struct {
	Keys []WebKey `json:"keys"`
}

// WebKey is an Ed25519 key as a JSON Web Key (RFC 8037).
type WebKey struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// JWKS returns keys as a set, in the order of their ids.
func JWKS(keys []PublicKey) KeySet {
	set := KeySet{Keys: make([]WebKey, len(keys))}
	for i, k := range keys {
		set.Keys[i] = WebKey{
			KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(k.Key), ID: k.ID, Use: "sig", Algorithm: "EdDSA",
		}
	}
	slices.SortFunc(set.Keys, func(a, b WebKey) int { return strings.Compare(a.ID, b.ID) })
	return set
}
