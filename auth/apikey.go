package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// keyPrefix lets secret scanners and people recognise an API key:
// "mk_<id>_<secret>".
const keyPrefix = "mk_"

const (
	idBytes     = 12 // of entropy in an id: it is not secret, and must not meet another
	secretBytes = 32
	maxKey      = 128 // bytes of a key that is looked at
)

// NewAPIKey returns a fresh API key, shown to its holder once, its id, and the
// verifier that is kept: the secret's SHA-256, which for 256 bits of entropy
// gives nothing away.
func NewAPIKey() (key, id, verifier string) {
	var rawID [idBytes]byte
	rand.Read(rawID[:]) // never fails (crypto/rand since Go 1.24)
	id = hex.EncodeToString(rawID[:])
	secret, verifier := NewSecret()
	return keyPrefix + id + "_" + secret, id, verifier
}

// NewSecret returns 256 random bits as text, and their verifier.
func NewSecret() (secret, verifier string) {
	var raw [secretBytes]byte
	rand.Read(raw[:])
	secret = base64.RawURLEncoding.EncodeToString(raw[:])
	return secret, Verifier(secret)
}

// Verifier returns the SHA-256 of a secret, in hex.
func Verifier(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// parseAPIKey takes a key apart into its id and the verifier of its secret.
func parseAPIKey(key string) (id, verifier string, ok bool) {
	rest, ok := strings.CutPrefix(key, keyPrefix)
	id, secret, found := strings.Cut(rest, "_")
	if !ok || !found || len(key) > maxKey || len(id) != 2*idBytes {
		return "", "", false
	}
	return id, Verifier(secret), true
}

// equal compares two verifiers in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
