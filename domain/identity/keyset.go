package identity

import (
	"encoding/base64"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Keyset is the state of the keys that the mesh signs access tokens with. The
// private halves are kept outside the log.
type Keyset struct {
	Current string                // id of the key that signs
	Since   time.Time             // when it began to
	Keys    map[string]SigningKey // that tokens may be signed with, by id
}

// SigningKey is a public key.
type SigningKey struct {
	ID      string    `json:"key"`
	Public  string    `json:"public"`           // Ed25519, base64url
	Retires time.Time `json:"retires,omitzero"` // tokens signed by it are refused from then on
}

// KeysetEvent is a fact about the keys.
type KeysetEvent interface {
	Event
	applyKeyset(k Keyset, at time.Time) Keyset
}

// KeyRotated says which key signs from now on, and until when tokens of the
// one before it count.
type KeyRotated struct {
	fact
	SigningKey
	Previous   string    `json:"previous,omitempty"`
	PreviousTo time.Time `json:"previous_to,omitzero"`
}

// KeyRetired says that tokens signed by a key are refused from now on.
type KeyRetired struct {
	fact
	Key    string `json:"key"`
	Reason string `json:"reason,omitempty"`
}

// The wire names.

func (KeyRotated) Type() string { return "key.rotated" }
func (KeyRetired) Type() string { return "key.retired" }

func (e KeyRotated) applyKeyset(k Keyset, at time.Time) Keyset {
	keys := map[string]SigningKey{e.ID: e.SigningKey}
	for id, old := range k.Keys {
		if id == e.Previous {
			old.Retires = e.PreviousTo
		}
		if !expired(old.Retires, at) {
			keys[id] = old
		}
	}
	return Keyset{Current: e.ID, Since: at, Keys: keys}
}

func (e KeyRetired) applyKeyset(k Keyset, _ time.Time) Keyset {
	k.Keys = without(k.Keys, e.Key)
	return k
}

// Apply returns k after e, which happened at at.
func (k Keyset) Apply(e KeysetEvent, at time.Time) Keyset { return e.applyKeyset(k, at) }

// MaxOverlap is how long an old key may be accepted beside the new one.
const MaxOverlap = 7 * 24 * time.Hour

// ErrRotated refuses a rotation that somebody else has done.
var ErrRotated = &domain.Error{Kind: domain.Conflict, Code: "key_rotated", Message: "the keys were rotated meanwhile"}

// Rotate makes next the key that signs in place of the key after. Tokens of the
// key before it count for overlap longer.
func (k Keyset) Rotate(after string, next SigningKey, overlap time.Duration, now time.Time) ([]KeysetEvent, error) {
	raw, err := base64.RawURLEncoding.DecodeString(next.Public)
	if err != nil || len(raw) != 32 || next.ID == "" {
		return nil, domain.InvalidField("public", "is not an Ed25519 key")
	}
	if overlap < 0 || overlap > MaxOverlap {
		return nil, domain.InvalidField("overlap", "%v is not between 0 and %v", overlap, MaxOverlap)
	}
	if _, known := k.Keys[next.ID]; known {
		return nil, nil
	}
	if k.Current != after {
		return nil, ErrRotated
	}
	e := KeyRotated{SigningKey: next, Previous: k.Current}
	if k.Current != "" {
		e.PreviousTo = now.Add(overlap)
	}
	return []KeysetEvent{e}, nil
}

// Retire refuses a key's tokens at once: it may have been stolen.
func (k Keyset) Retire(id, reason string) ([]KeysetEvent, error) {
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	if _, known := k.Keys[id]; !known {
		return nil, &domain.Error{Kind: domain.NotFound, Code: "key_not_found", Field: "key", Message: "no such key"}
	}
	if id == k.Current {
		return nil, &domain.Error{Kind: domain.Conflict, Code: "key_current", Field: "key", Message: "the key signs new tokens: rotate first"}
	}
	return []KeysetEvent{KeyRetired{Key: id, Reason: reason}}, nil
}

// Key returns a public key while tokens that it signed count.
func (k Keyset) Key(id string, now time.Time) ([]byte, bool) {
	key, ok := k.Keys[id]
	if !ok || expired(key.Retires, now) {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(key.Public)
	return raw, err == nil
}
