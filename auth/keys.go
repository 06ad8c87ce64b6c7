package auth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/auth/seal"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// keysBucket holds what all nodes of a mesh must know and the log must not.
const keysBucket = "KEYS"

// Keys is the secret state of a mesh, kept beside the log and never in it.
type Keys struct {
	NameSecret   []byte // keys the ids of name reservations, 32 bytes
	SourceSecret []byte // keys the hashes of addresses, 32 bytes
	Seal         *seal.Keyring
	kv           jetstream.KeyValue
}

// Setup reads the keys of the mesh, making what is missing.
func Setup(ctx context.Context, js jetstream.JetStream, replicas int) (Keys, error) {
	kv, err := openKeys(ctx, js, replicas)
	if err != nil {
		return Keys{}, err
	}
	keys := Keys{kv: kv}
	if keys.NameSecret, err = secret(ctx, kv, "name.secret"); err != nil {
		return Keys{}, err
	}
	if keys.SourceSecret, err = secret(ctx, kv, "source.secret"); err != nil {
		return Keys{}, err
	}
	sealing, err := secret(ctx, kv, "seal.1")
	if err != nil {
		return Keys{}, err
	}
	keys.Seal, err = seal.New("1", map[string][]byte{"1": sealing})
	return keys, err
}

// Signer returns what signs tokens by the keys that a directory knows.
func (k Keys) Signer(d *identity.Directory) *Signer { return &Signer{kv: k.kv, directory: d} }

// secret returns 32 bytes, the same for every node.
func secret(ctx context.Context, kv jetstream.KeyValue, key string) ([]byte, error) {
	text, err := ensure(ctx, kv, key, randomHex())
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		return nil, fmt.Errorf("%s in %s is damaged", key, keysBucket)
	}
	return raw, nil
}

// ensure returns the value of key, setting it to value if it has none. Of two
// nodes that start at once, one wins.
func ensure(ctx context.Context, kv jetstream.KeyValue, key, value string) (string, error) {
	_, err := kv.Create(ctx, key, []byte(value))
	if err == nil {
		return value, nil
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return "", fmt.Errorf("make %s: %w", key, err)
	}
	e, err := kv.Get(ctx, key)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", key, err)
	}
	return string(e.Value()), nil
}

func randomHex() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
