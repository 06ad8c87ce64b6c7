package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/auth/token"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Signer signs access tokens with the key that the log names as current. The
// private halves stand in the bucket of keys, for every node of the mesh.
type Signer struct {
	kv        jetstream.KeyValue
	directory *identity.Directory

	mu   sync.Mutex
	keys map[string]ed25519.PrivateKey // that were read, by id
}

// NewKey makes a key pair, keeps its private half, and returns the public one:
// the caller makes it current by an event.
func (s *Signer) NewKey(ctx context.Context) (identity.SigningKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return identity.SigningKey{}, fmt.Errorf("make a signing key: %w", err)
	}
	var raw [12]byte
	rand.Read(raw[:])
	id := hex.EncodeToString(raw[:])
	if _, err := s.kv.Create(ctx, signingKey(id), []byte(base64.RawURLEncoding.EncodeToString(private.Seed()))); err != nil {
		return identity.SigningKey{}, fmt.Errorf("keep the signing key %s: %w", id, err)
	}
	return identity.SigningKey{ID: id, Public: base64.RawURLEncoding.EncodeToString(public)}, nil
}

// Issue signs an access token. It fails when the bucket of keys is not
// reachable and the current key has not been read yet.
func (s *Signer) Issue(ctx context.Context, c token.Claims) (string, error) {
	id := s.directory.Keyset().Current
	key, err := s.private(ctx, id)
	if err != nil {
		return "", err
	}
	return token.Issue(token.Key{ID: id, Private: key}, c)
}

// Public returns a key that tokens may be signed with now.
func (s *Signer) Public(id string) (ed25519.PublicKey, bool) {
	return s.directory.Keyset().Key(id, time.Now())
}

func (s *Signer) private(ctx context.Context, id string) (ed25519.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.keys[id]; ok {
		return key, nil
	}
	e, err := s.kv.Get(ctx, signingKey(id))
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w", id, err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(string(e.Value()))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the signing key %s in %s is damaged", id, keysBucket)
	}
	key := ed25519.NewKeyFromSeed(seed)
	s.keys = map[string]ed25519.PrivateKey{id: key} // only the current one signs
	return key, nil
}

func signingKey(id string) string { return "signing." + id }
