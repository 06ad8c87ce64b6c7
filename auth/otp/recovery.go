package otp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"
)

const (
	codeSize  = 15 // bytes of a recovery code: 120 bits, 24 characters
	groupSize = 4  // characters between two hyphens
	saltSize  = 16 // bytes
)

// crockford leaves out I, L, O and U, which are misread or misspelt
// (Douglas Crockford's base 32).
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Recovery is what is kept to check a set of recovery codes: the SHA-256 of
// each with a salt of the set. A fast hash is enough, unlike for a password,
// since nobody can try out 120 random bits (OWASP ASVS 5, 6.5.2, asks for
// 112); the salt makes a search through the sets of many principals cost as
// much for each as for one alone.
type Recovery struct {
	Salt []byte   `json:"salt"`
	Sums [][]byte `json:"sums"` // in the order of the codes
}

// NewRecoveryCodes returns n fresh codes such as
// "7ZK4-0M2Q-X9TB-31HD-V5N8-KC6W", to be shown once.
func NewRecoveryCodes(n int) []string {
	enc := base32.NewEncoding(crockford).WithPadding(base32.NoPadding)
	codes := make([]string, n)
	for i := range codes {
		var b [codeSize]byte
		rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
		text := enc.EncodeToString(b[:])
		groups := make([]string, 0, len(text)/groupSize)
		for ; text != ""; text = text[groupSize:] {
			groups = append(groups, text[:groupSize])
		}
		codes[i] = strings.Join(groups, "-")
	}
	return codes
}

// Verifiers returns what is kept of codes.
func Verifiers(codes []string) Recovery {
	r := Recovery{Salt: make([]byte, saltSize), Sums: make([][]byte, len(codes))}
	rand.Read(r.Salt)
	for i, c := range codes {
		r.Sums[i] = sum(r.Salt, normalise(c))
	}
	return r
}

// MatchRecovery returns the index of code in the set, or -1. Case, spaces and
// hyphens do not matter, O counts as 0, I and L as 1. Every code of the set is
// compared, in constant time. A code is for one use: the caller keeps which
// indexes are spent and refuses those; a spent code's sum may also be emptied,
// and then matches nothing.
func MatchRecovery(set Recovery, code string) int {
	text := normalise(code)
	if len(text) != base32.StdEncoding.WithPadding(base32.NoPadding).EncodedLen(codeSize) {
		return -1
	}
	got, index := sum(set.Salt, text), -1
	for i, want := range set.Sums {
		index = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(got, want), i, index)
	}
	return index
}

func sum(salt []byte, code string) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(code))
	return h.Sum(nil)
}

// normalise returns code as it was made, of all the ways to type it. What is
// longer than a spaced-out code cannot be one.
func normalise(code string) string {
	if len(code) > 4*codeSize {
		return ""
	}
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
}
