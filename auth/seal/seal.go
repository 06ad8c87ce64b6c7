// Package seal encrypts the small secrets that the mesh must read again, such
// as the seeds of second factors, under keys that are kept outside the log: so
// the log alone gives nothing away. AES-256-GCM with random nonces; the
// associated data binds a ciphertext to whom it belongs.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

const version = "v1"

// Keyring seals with one key and opens with several.
type Keyring struct {
	current string
	keys    map[string]cipher.AEAD
}

// NewKeyring returns a Keyring over keys of KeySize bytes by their ids, which
// hold no dot. It fails when the current one is missing or one has another size.
func NewKeyring(current string, keys map[string][]byte) (*Keyring, error) {
	k := &Keyring{current: current, keys: make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if len(key) != KeySize || id == "" || strings.Contains(id, ".") {
			return nil, fmt.Errorf("sealing key %q has no sound id or %d bytes", id, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("sealing key %q: %w", id, err)
		}
		if k.keys[id], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("sealing key %q: %w", id, err)
		}
	}
	if k.keys[current] == nil {
		return nil, fmt.Errorf("there is no sealing key %q", current)
	}
	return k, nil
}

// Seal encrypts plaintext for whom owner names; the text is "v1.<key>.<data>".
func (k *Keyring) Seal(plaintext []byte, owner string) string {
	aead := k.keys[k.current]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plaintext)+aead.Overhead())
	rand.Read(nonce) // never fails (crypto/rand since Go 1.24)
	return version + "." + k.current + "." + base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plaintext, []byte(owner)))
}

// Open decrypts what Seal made for the same owner. Whatever is wrong, the error
// has code unseal and says nothing about the content.
func (k *Keyring) Open(text, owner string) ([]byte, error) {
	form, rest, _ := strings.Cut(text, ".")
	id, data, _ := strings.Cut(rest, ".")
	aead := k.keys[id]
	raw, err := base64.RawURLEncoding.Strict().DecodeString(data)
	if form != version || aead == nil || err != nil || len(raw) < aead.NonceSize() {
		return nil, errUnseal()
	}
	plaintext, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(owner))
	if err != nil {
		return nil, errUnseal()
	}
	return plaintext, nil
}

func errUnseal() error {
	return &domain.Error{Kind: domain.Internal, Code: "unseal", Message: "a sealed secret cannot be opened"}
}
