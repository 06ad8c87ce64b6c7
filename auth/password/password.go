// Package password keeps passwords as argon2id verifiers (RFC 9106) and says
// which ones are good enough (NIST SP 800-63B-4, ASVS 5 V6.2).
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/hivemesh/hivemesh/domain"
)

// Params is the cost of one hashing.
type Params struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultParams is the least that OWASP recommends for argon2id: 19 MiB, two passes.
func DefaultParams() Params { return Params{Memory: 19 << 10, Passes: 2, Threads: 1} }

const (
	saltSize = 16 // bytes
	hashSize = 32
	// maxMemory and maxPasses bound what a stored verifier may make us spend.
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
)

// Hasher hashes passwords, a few at a time: each takes the memory of Params,
// and a caller who has proved nothing must not be able to use up the machine's.
// It is safe for concurrent use.
type Hasher struct {
	params Params
	slots  chan struct{}
}

// NewHasher returns a Hasher that does at most slots hashings at once.
func NewHasher(p Params, slots int) *Hasher {
	return &Hasher{params: p, slots: make(chan struct{}, max(1, slots))}
}

// Hash returns the verifier of a password in PHC form. It fails with kind
// Unavailable when ctx ends before a slot is free.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails (crypto/rand since Go 1.24)
	sum, err := h.sum(ctx, h.params, salt, password, hashSize)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.Memory, h.params.Passes, h.params.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// Verify reports whether password is the one of a verifier, and whether the
// verifier is weaker than new ones are. It fails with kind Unavailable like
// Hash, and with kind Internal for a damaged verifier.
func (h *Hasher) Verify(ctx context.Context, verifier, password string) (ok, stale bool, err error) {
	p, salt, want, err := parse(verifier)
	if err != nil {
		return false, false, &domain.Error{Kind: domain.Internal, Code: "bad_verifier", Message: "a password verifier is damaged", Err: err}
	}
	got, err := h.sum(ctx, p, salt, password, uint32(len(want))) //nolint:gosec // parse bounds it
	if err != nil {
		return false, false, err
	}
	stale = p.Memory < h.params.Memory || p.Passes < h.params.Passes
	return subtle.ConstantTimeCompare(got, want) == 1, stale, nil
}

// Burn takes as long as Verify: for a login that does not exist, so that the
// time does not tell.
func (h *Hasher) Burn(ctx context.Context) error {
	_, err := h.sum(ctx, h.params, make([]byte, saltSize), "", hashSize)
	return err
}

func (h *Hasher) sum(ctx context.Context, p Params, salt []byte, password string, size uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		return argon2.IDKey([]byte(password), salt, p.Passes, p.Memory, p.Threads, size), nil
	case <-ctx.Done():
		return nil, &domain.Error{Kind: domain.Unavailable, Code: "busy", Message: "too many logins at once; try again", Err: ctx.Err()}
	}
}

// parse reads a verifier in PHC form, as strictly as Hash writes it.
func parse(verifier string) (p Params, salt, sum []byte, err error) {
	fields := strings.Split(verifier, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errors.New("no argon2id verifier")
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Passes, &p.Threads); err != nil {
		return p, nil, nil, fmt.Errorf("parameters: %w", err)
	}
	if p.Memory < 8 || p.Memory > maxMemory || p.Passes < 1 || p.Passes > maxPasses || p.Threads < 1 || p.Threads > 16 {
		return p, nil, nil, errors.New("parameters out of bounds")
	}
	if salt, err = base64.RawStdEncoding.Strict().DecodeString(fields[4]); err != nil {
		return p, nil, nil, fmt.Errorf("salt: %w", err)
	}
	if sum, err = base64.RawStdEncoding.Strict().DecodeString(fields[5]); err != nil {
		return p, nil, nil, fmt.Errorf("hash: %w", err)
	}
	if len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return p, nil, nil, errors.New("sizes out of bounds")
	}
	return p, salt, sum, nil
}
