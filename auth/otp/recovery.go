package otp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

const (
	recoveryCount = 10
	recoveryBytes = 10 // 80 bits
	saltBytes     = 8
)

// NewRecoveryCodes returns codes to be shown once, such as "k7tq-9d3f-w2xm-p5ra",
// and their verifiers. A code has 80 bits: no slow hash is needed to keep it
// from being guessed from its SHA-256.
func NewRecoveryCodes() (codes, verifiers []string) {
	alphabet := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	for range recoveryCount {
		var raw [recoveryBytes]byte
		var salt [saltBytes]byte
		rand.Read(raw[:]) // never fails (crypto/rand since Go 1.24)
		rand.Read(salt[:])
		code := alphabet.EncodeToString(raw[:])
		codes = append(codes, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:])
		verifiers = append(verifiers, recoveryVerifier(hex.EncodeToString(salt[:]), code))
	}
	return codes, verifiers
}

// MatchRecovery returns the index of the verifier that a code belongs to; -1
// for none. Case, spaces and dashes do not matter.
func MatchRecovery(verifiers []string, code string) int {
	code = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
	found := -1
	for i, v := range verifiers {
		salt, _, _ := strings.Cut(v, ":")
		if subtle.ConstantTimeCompare([]byte(recoveryVerifier(salt, code)), []byte(v)) == 1 {
			found = i
		}
	}
	return found
}

func recoveryVerifier(salt, code string) string {
	sum := sha256.Sum256([]byte(salt + ":" + code))
	return salt + ":" + hex.EncodeToString(sum[:])
}
