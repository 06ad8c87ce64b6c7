package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// ExportKeys returns all that the bucket of keys holds, for a backup that
// encrypts it, and a revision that grows with each change.
func ExportKeys(ctx context.Context, js jetstream.JetStream) (map[string][]byte, uint64, error) {
	kv, err := js.KeyValue(ctx, keysBucket)
	if err != nil {
		return nil, 0, fmt.Errorf("open the bucket %s: %w", keysBucket, err)
	}
	stream, err := js.Stream(ctx, "KV_"+keysBucket)
	if err != nil {
		return nil, 0, fmt.Errorf("read the bucket %s: %w", keysBucket, err)
	}
	revision := stream.CachedInfo().State.LastSeq // before the values: a later change is seen the next time
	names, err := kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, revision, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list the bucket %s: %w", keysBucket, err)
	}
	keys := make(map[string][]byte, len(names))
	for _, name := range names {
		e, err := kv.Get(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read %s in %s: %w", name, keysBucket, err)
		}
		keys[name] = e.Value()
	}
	return keys, revision, nil
}

// ImportKeys puts exported keys into the bucket, making it. Doing it again
// changes nothing.
func ImportKeys(ctx context.Context, js jetstream.JetStream, replicas int, keys map[string][]byte) error {
	kv, err := openKeys(ctx, js, replicas)
	if err != nil {
		return err
	}
	for name, value := range keys {
		if _, err := kv.Put(ctx, name, value); err != nil {
			return fmt.Errorf("restore %s in %s: %w", name, keysBucket, err)
		}
	}
	return nil
}

func openKeys(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: keysBucket, Description: "Hivemesh: secrets that the log must not hold", Storage: jetstream.FileStorage, Replicas: max(1, replicas),
	})
	if err != nil {
		return nil, fmt.Errorf("open the bucket %s: %w", keysBucket, err)
	}
	return kv, nil
}
