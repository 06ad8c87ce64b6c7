package oidc

import (
	"crypto/sha256"
	"encoding/base64"
)

// Identity is a person as a provider knows them.
type Identity struct {
	Provider string
	Tenant   string
	Issuer   string
	Subject  string
	Name     string              // for a new principal; finds none
	Email    string              // empty unless the provider knows it to be theirs; finds none
	Roles    []string            // of their groups, sorted
	Claims   map[string][]string // those that the configuration requires, and the groups
}

// CredentialID returns the id that the person's account has in the directory.
func (i Identity) CredentialID() string { return CredentialID(i.Tenant, i.Issuer, i.Subject) }

// Public returns the account as it is kept in identity.Credential.Public.
func (i Identity) Public() string { return i.Issuer + " " + i.Subject }

// CredentialID returns the id in the directory of an account at a provider:
// "oidc." and the base64url SHA-256 of tenant, issuer and subject, so that every
// id has 48 characters, none can pass for one of another type, and a provider
// of one tenant opens nothing in another.
func CredentialID(tenant, issuer, subject string) string {
	sum := sha256.Sum256([]byte(tenant + "\x00" + issuer + "\x00" + subject))
	return "oidc." + base64.RawURLEncoding.EncodeToString(sum[:])
}
