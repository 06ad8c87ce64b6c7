package eventstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// artifactBucket is the object store bucket of payloads too large for events.
const artifactBucket = "ARTIFACTS"

const (
	digestPrefix  = "sha256:"
	metaMediaType = "media_type"
)

// Artifact refers to a stored payload.
type Artifact struct {
	Digest    string // "sha256:" and 64 hex digits
	Size      int64  // bytes
	MediaType string
}

func openArtifacts(ctx context.Context, js jetstream.JetStream, cfg Config) (jetstream.ObjectStore, error) {
	bucket, err := js.ObjectStore(ctx, artifactBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		bucket, err = js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: artifactBucket, Description: "Hivemesh payloads, by digest",
			Storage: jetstream.FileStorage, Replicas: cfg.Replicas,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", artifactBucket, unavailable(err))
	}
	return bucket, nil
}

// PutArtifact stores data under its digest, once per tenant: when it is there
// already, its bytes are not written again and the media type of the first put
// stays, but its time stamp is made new. When it returns, the object is stored
// and cannot be collected for ArtifactCollector's age, so an event may name it.
// Errors wrap ErrInvalid for a malformed tenant, else ErrUnavailable.
func (s *Store) PutArtifact(ctx context.Context, tenant, mediaType string, data []byte) (Artifact, error) {
	if !validToken(tenant) {
		return Artifact{}, fmt.Errorf("tenant %q: %w", tenant, ErrInvalid)
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	a := Artifact{Digest: digestPrefix + digest, Size: int64(len(data)), MediaType: mediaType}
	name := tenant + "/" + digest
	found, err := s.refreshArtifact(ctx, name, uint64(len(data)))
	if err != nil {
		return Artifact{}, fmt.Errorf("look for artifact %s: %w", name, unavailable(err))
	}
	if found != nil {
		a.MediaType = found.Metadata[metaMediaType]
		return a, nil
	}
	meta := jetstream.ObjectMeta{Name: name, Metadata: map[string]string{metaMediaType: mediaType, metaEpoch: s.epoch}}
	if _, err := s.artifacts.Put(ctx, meta, bytes.NewReader(data)); err != nil {
		return Artifact{}, fmt.Errorf("put artifact %s: %w", name, unavailable(err))
	}
	return a, nil
}

// GetArtifact returns the payload of a digest and checks it against the
// digest. Errors wrap ErrInvalid for a malformed tenant or digest, ErrNotFound,
// or ErrUnavailable, also when the bytes stored are damaged.
func (s *Store) GetArtifact(ctx context.Context, tenant, digest string) ([]byte, error) {
	sum, ok := strings.CutPrefix(digest, digestPrefix)
	if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size || !validToken(tenant) {
		return nil, fmt.Errorf("artifact %q of tenant %q: %w", digest, tenant, ErrInvalid)
	}
	data, err := s.artifacts.GetBytes(ctx, tenant+"/"+sum)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("artifact %s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("get artifact %s: %w", digest, unavailable(err))
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("artifact %s is damaged: %w", digest, ErrUnavailable)
	}
	return data, nil
}
