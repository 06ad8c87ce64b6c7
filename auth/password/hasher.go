package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/hivemesh/hivemesh/domain"
)

// maxBytes bounds what is read of a password. It is above what any Policy lets
// through: 256 characters of up to 4 bytes, three times as long before
// normalisation.
const maxBytes = 4096

// Config says how a Hasher works.
type Config struct {
	Params Params // the zero value: DefaultParams
	Slots  int    // passwords hashed at once, each with Params.Memory; 0: 2
}

// Hasher makes and checks verifiers. It may be used by many goroutines.
type Hasher struct {
	params Params
	slots  chan struct{}
}

// New returns a Hasher. It fails with kind Invalid when the parameters are out
// of the bounds that Params tells, or Slots is negative.
func New(c Config) (*Hasher, error) {
	if c.Params == (Params{}) {
		c.Params = DefaultParams()
	}
	if c.Slots == 0 {
		c.Slots = 2
	}
	if !c.Params.valid() {
		return nil, domain.InvalidField("params", "must be 8 KiB for each lane to 131072 KiB, 1 to 16 passes, 1 to 16 lanes")
	}
	if c.Slots < 0 {
		return nil, domain.InvalidField("slots", "must not be negative")
	}
	return &Hasher{params: c.Params, slots: make(chan struct{}, c.Slots)}, nil
}

// Hash returns a verifier for password, with a fresh salt. It fails with kind
// Invalid when the password is longer than 4096 bytes, and with kind
// Unavailable, code "busy", when ctx ends before its turn.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > maxBytes {
		return "", domain.InvalidField("password", "must not be longer than %d bytes", maxBytes)
	}
	v := verifier{params: h.params, salt: make([]byte, saltSize), hash: make([]byte, hashSize)}
	rand.Read(v.salt) // never fails (crypto/rand since Go 1.24)
	hash, err := h.derive(ctx, v, password)
	if err != nil {
		return "", err
	}
	v.hash = hash
	return v.String(), nil
}

// Verify reports whether verifier, made by Hash or by another program, is of
// password, comparing in constant time; and whether it is stale, which is that
// it was made with less memory, fewer passes, or a shorter salt or hash than
// Hash uses now. It fails with kind Internal, code "bad_verifier", when the
// verifier is damaged or asks for more work than the bounds of Params allow,
// and with kind Unavailable, code "busy", when ctx ends before its turn.
func (h *Hasher) Verify(ctx context.Context, verifier, password string) (ok, stale bool, err error) {
	v, err := parse(verifier)
	if err != nil {
		return false, false, err
	}
	// What is too long takes its time too, lest the time tell that the login
	// exists; it is never right.
	got, err := h.derive(ctx, v, password[:min(len(password), maxBytes)])
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, v.hash) == 1 && len(password) <= maxBytes
	return ok, v.params.weaker(h.params) || len(v.salt) < saltSize || len(v.hash) < hashSize, nil
}

// Burn takes the time of one Verify of a verifier that is not stale: for a
// login that does not exist. It fails as Verify does when ctx ends.
func (h *Hasher) Burn(ctx context.Context) error {
	v := verifier{params: h.params, salt: make([]byte, saltSize), hash: make([]byte, hashSize)}
	_, err := h.derive(ctx, v, "")
	return err
}

// derive returns the hash of password with the parameters, the salt and the
// length of v, when a slot is free.
func (h *Hasher) derive(ctx context.Context, v verifier, password string) ([]byte, error) {
	if err := h.acquire(ctx); err != nil {
		return nil, err
	}
	defer func() { <-h.slots }()
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), v.salt, v.params.Passes, v.params.Memory, v.params.Lanes, uint32(len(v.hash))), nil
}

// acquire takes a slot. A context that has ended gets none, even a free one.
func (h *Hasher) acquire(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		select {
		case h.slots <- struct{}{}:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return &domain.Error{Kind: domain.Unavailable, Code: "busy", Message: "too many passwords are being checked; try again", Err: err}
}
