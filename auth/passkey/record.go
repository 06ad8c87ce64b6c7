package passkey

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
)

// maxRecord is how many bytes the text of a Record may have.
const maxRecord = 8 << 10

// Record is what is kept of a registered credential. Nothing in it is secret.
type Record struct {
	ID             []byte   `json:"id"`          // chosen by the authenticator, 16 to 1023 bytes
	PublicKey      []byte   `json:"public_key"`  // COSE_Key, RFC 9052
	SignCount      uint32   `json:"sign_count"`  // 0 for authenticators that do not count
	UserHandle     []byte   `json:"user_handle"` // of the user that it was made for
	UserVerified   bool     `json:"user_verified"`
	BackupEligible bool     `json:"backup_eligible"` // it may be on several devices
	BackupState    bool     `json:"backup_state"`    // it is
	Transports     []string `json:"transports,omitempty"`
	AAGUID         string   `json:"aaguid,omitempty"` // make of the authenticator, as it says
}

// Text returns the Record as it is kept in identity.Credential.Public.
func (r Record) Text() string {
	text, _ := json.Marshal(r) // cannot fail: it holds texts, numbers and bytes
	return string(text)
}

// ParseRecord reads what Text returned. It fails when the text is damaged or
// has more than 8 KiB.
func ParseRecord(text string) (Record, error) {
	var r Record
	if len(text) > maxRecord {
		return Record{}, fmt.Errorf("the passkey record has %d bytes, at most %d are read", len(text), maxRecord)
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Record{}, fmt.Errorf("read the passkey record: %w", err)
	}
	if len(r.ID) == 0 || len(r.PublicKey) == 0 || len(r.UserHandle) == 0 {
		return Record{}, fmt.Errorf("the passkey record lacks its id, key or user")
	}
	return r, nil
}

// CredentialID returns the id that the credential has in the directory.
func (r Record) CredentialID() string { return CredentialID(r.ID) }

// CredentialID returns the id in the directory of the credential that an
// authenticator calls raw: "passkey." and the base64url SHA-256 of it, so that
// every id has 51 characters and none can pass for one of another type.
func CredentialID(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "passkey." + base64.RawURLEncoding.EncodeToString(sum[:])
}

// recordOf takes from a registered credential what is kept.
func recordOf(c *webauthn.Credential, userHandle []byte) Record {
	r := Record{
		ID: c.ID, PublicKey: c.PublicKey, SignCount: c.Authenticator.SignCount, UserHandle: userHandle,
		UserVerified: c.Flags.UserVerified, BackupEligible: c.Flags.BackupEligible, BackupState: c.Flags.BackupState,
	}
	if id, err := uuid.FromBytes(c.Authenticator.AAGUID); err == nil && id != uuid.Nil {
		r.AAGUID = id.String()
	}
	for _, t := range c.Transport {
		switch t { // the browser says what it likes; only known ones are kept
		case protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal:
			if len(r.Transports) < maxTransports {
				r.Transports = append(r.Transports, string(t))
			}
		}
	}
	return r
}

const maxTransports = 6 // as many as there are

// credential returns the Record as the library knows it.
func (r Record) credential() webauthn.Credential {
	c := webauthn.Credential{
		ID: r.ID, PublicKey: r.PublicKey,
		Flags:         webauthn.CredentialFlags{UserVerified: r.UserVerified, BackupEligible: r.BackupEligible, BackupState: r.BackupState},
		Authenticator: webauthn.Authenticator{SignCount: r.SignCount},
	}
	for _, t := range r.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

func descriptors(records []Record) []protocol.CredentialDescriptor {
	all := make([]protocol.CredentialDescriptor, len(records))
	for i, r := range records {
		c := r.credential()
		all[i] = c.Descriptor()
	}
	return all
}
