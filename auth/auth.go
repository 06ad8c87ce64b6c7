// Package auth holds the mechanism of authentication: credentials and how
// they are checked. What a principal may do is decided in package commands.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// tokenPrefix lets secret scanners and people recognise a credential.
const tokenPrefix = "mesh_"

// maxToken bounds what is hashed for an unauthenticated caller, in bytes.
const maxToken = 256

// NewToken returns a fresh credential with 256 bits of entropy.
func NewToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Verifier returns what is kept to check token later: its SHA-256, which for
// a secret of full entropy gives nothing away.
func Verifier(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Auth checks credentials.
type Auth struct {
	admin [sha256.Size]byte
}

// New returns an Auth that knows the admin credential by its verifier.
func New(adminVerifier string) (*Auth, error) {
	sum, err := hex.DecodeString(adminVerifier)
	if err != nil || len(sum) != sha256.Size {
		return nil, &domain.Error{Kind: domain.Internal, Code: "bad_verifier", Message: "the stored admin verifier is damaged"}
	}
	return &Auth{admin: [sha256.Size]byte(sum)}, nil
}

// Authenticate returns the principal that token belongs to. It fails with
// kind Unauthenticated, and says no more than that the credential is missing
// or not valid.
func (a *Auth) Authenticate(token string) (domain.Actor, error) {
	if token == "" {
		return domain.Actor{}, &domain.Error{Kind: domain.Unauthenticated, Code: "no_credential", Message: "no credential given; send Authorization: Bearer <token>"}
	}
	sum := sha256.Sum256([]byte(token[:min(len(token), maxToken)]))
	if len(token) > maxToken || !strings.HasPrefix(token, tokenPrefix) || subtle.ConstantTimeCompare(sum[:], a.admin[:]) != 1 {
		return domain.Actor{}, &domain.Error{Kind: domain.Unauthenticated, Code: "bad_credential", Message: "the credential is not valid"}
	}
	return domain.Actor{Tenant: domain.DefaultTenant, ID: "admin", Kind: domain.Admin}, nil
}
