package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// maxID bounds the length of a key id in bytes.
const maxID = 32

// idLength of the ids that NewKey makes: 50 bits, enough to tell keys apart.
const idLength = 10

// Keyring seals under its current key and opens under every key it has. It
// never changes, and may be used by many goroutines.
type Keyring struct {
	current string
	keys    map[string]cipher.AEAD
}

// NewKey returns a fresh key with 256 bits of entropy and an id for it.
func NewKey() (id string, key []byte) {
	key = make([]byte, KeySize)
	rand.Read(key) // never fails (crypto/rand since Go 1.24)
	return strings.ToLower(rand.Text()[:idLength]), key
}

// New returns a Keyring that seals under the key current and opens under all
// of keys, by their ids. An id is 1 to 32 of a-z, A-Z, 0-9, '-' and '_'; a key
// is KeySize bytes. It fails with kind Internal, code "bad_keyring", when an
// id or a key is not so, or when the current key is not among them.
func New(current string, keys map[string][]byte) (*Keyring, error) {
	k := &Keyring{current: current, keys: make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if !validID(id) {
			return nil, badKeyring("a key id must be 1 to 32 letters, digits, '-' or '_'")
		}
		if len(key) != KeySize {
			return nil, badKeyring("a key must have 32 bytes")
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, badKeyring("a key cannot be used")
		}
		if k.keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, badKeyring("a key cannot be used")
		}
	}
	if k.keys[current] == nil {
		return nil, badKeyring("the current key is not among the keys")
	}
	return k, nil
}

// Current returns the id of the key that Seal uses.
func (k *Keyring) Current() string { return k.current }

func badKeyring(message string) error {
	return &domain.Error{Kind: domain.Internal, Code: "bad_keyring", Message: message}
}

func validID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxID
}
