package auth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// keysBucket holds what all nodes of a mesh must know and the log must not.
const keysBucket = "KEYS"

// Keys is the secret state of a mesh, kept beside the log and never in it.
type Keys struct {
	NameSecret []byte // keys the ids of name reservations, 32 bytes
}

// Setup reads the keys of the mesh, making what is missing.
func Setup(ctx context.Context, js jetstream.JetStream, replicas int) (Keys, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: keysBucket, Description: "Hivemesh: secrets that the log must not hold", Storage: jetstream.FileStorage, Replicas: max(1, replicas),
	})
	if err != nil {
		return Keys{}, fmt.Errorf("open the bucket %s: %w", keysBucket, err)
	}
	secret, err := ensure(ctx, kv, "name.secret", randomHex())
	if err != nil {
		return Keys{}, err
	}
	name, err := hex.DecodeString(secret)
	if err != nil {
		return Keys{}, fmt.Errorf("the name secret in %s is damaged: %w", keysBucket, err)
	}
	return Keys{NameSecret: name}, nil
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
