package password

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Lengths in bytes. Those that are read may differ within their bounds, as
// other programs write other ones.
const (
	saltSize, minSalt, maxSalt = 16, 8, 64
	hashSize, minHash, maxHash = 32, 16, 64

	maxVerifier = 256 // of the whole text
)

// verifier is a parsed PHC string.
type verifier struct {
	params Params
	salt   []byte
	hash   []byte
}

// String returns the PHC string.
func (v verifier) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		v.params.Memory, v.params.Passes, v.params.Lanes, b64.EncodeToString(v.salt), b64.EncodeToString(v.hash))
}

// parse reads a PHC string. Only the one spelling that String writes is
// accepted.
func parse(text string) (verifier, error) {
	var v verifier
	if len(text) > maxVerifier {
		return v, badVerifier("is too long")
	}
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return v, badVerifier("is not an argon2id string")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &v.params.Memory, &v.params.Passes, &v.params.Lanes); err != nil {
		return v, badVerifier("is not an argon2id string")
	}
	// What does not decode differs from its encoding again, below.
	v.salt, _ = base64.RawStdEncoding.DecodeString(parts[4])
	v.hash, _ = base64.RawStdEncoding.DecodeString(parts[5])
	if v.String() != text {
		return verifier{}, badVerifier("is not an argon2id string")
	}
	if !v.params.valid() {
		return verifier{}, badVerifier("asks for too much or too little work")
	}
	if !within(len(v.salt), minSalt, maxSalt) || !within(len(v.hash), minHash, maxHash) {
		return verifier{}, badVerifier("has a salt or hash of a wrong length")
	}
	return v, nil
}

func within(n, low, high int) bool { return n >= low && n <= high }
