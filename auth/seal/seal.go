package seal

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// version begins every sealed text and is authenticated with it.
const version = "v1"

// Seal returns secret encrypted under the current key and bound to place,
// which names what the secret belongs to, such as "totp/" and the principal's
// id. Two calls with the same arguments return different texts.
func (k *Keyring) Seal(secret []byte, place string) string {
	sealed := k.keys[k.current].Seal(nil, nil, secret, associated(k.current, place))
	return version + "." + k.current + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the secret in text, which must have been sealed for the same
// place under a key of the ring. It fails with kind Internal, code "unseal",
// when the text is not of the form that Seal writes, its key is not in the
// ring, or text or place were changed. The cause, which holds nothing of the
// text, tells a missing key from the rest.
func (k *Keyring) Open(text, place string) ([]byte, error) {
	id, body, err := split(text)
	if err != nil {
		return nil, unsealed(err)
	}
	aead, ok := k.keys[id]
	if !ok {
		return nil, unsealed(errors.New("its key is not in the keyring"))
	}
	secret, err := aead.Open(nil, nil, body, associated(id, place))
	if err != nil {
		return nil, unsealed(errors.New("it was changed, or belongs to another place"))
	}
	return secret, nil
}

// split returns the parts of a sealed text. Only the one spelling that Seal
// writes is accepted: the decoder would pass over line breaks.
func split(text string) (id string, body []byte, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != version || !validID(parts[1]) {
		return "", nil, errors.New("it is not of the form v1.<key>.<data>")
	}
	body, err = base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || base64.RawURLEncoding.EncodeToString(body) != parts[2] {
		return "", nil, errors.New("its data is not base64url")
	}
	return parts[1], body, nil
}

// associated is unambiguous since a key id holds no zero byte.
func associated(id, place string) []byte {
	return []byte("hivemesh seal " + version + "\x00" + id + "\x00" + place)
}

func unsealed(cause error) error {
	return &domain.Error{Kind: domain.Internal, Code: "unseal", Message: "a sealed secret cannot be opened", Err: cause}
}
