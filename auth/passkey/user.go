package passkey

import (
	"crypto/sha256"

	"github.com/go-webauthn/webauthn/webauthn"
)

// User is the person that a credential is made for.
type User struct {
	Handle      []byte // what authenticators keep, 1 to 64 bytes; see UserHandle
	Name        string // login
	DisplayName string // default Name
}

// UserHandle returns the user handle of a principal: a hash, as authenticators
// give the handle to anybody who asks and it must name nobody (WebAuthn 14.6.1).
func UserHandle(tenant, principal string) []byte {
	sum := sha256.Sum256([]byte(tenant + "\x00" + principal))
	return sum[:]
}

// holder is a User with the credentials that count, as the library asks for it.
type holder struct {
	User
	credentials []webauthn.Credential
}

// WebAuthnID returns the user handle.
func (h holder) WebAuthnID() []byte { return h.Handle }

// WebAuthnName returns the login.
func (h holder) WebAuthnName() string { return h.Name }

// WebAuthnDisplayName returns what authenticators show.
func (h holder) WebAuthnDisplayName() string {
	if h.DisplayName == "" {
		return h.Name
	}
	return h.DisplayName
}

// WebAuthnCredentials returns the credentials that count.
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }
