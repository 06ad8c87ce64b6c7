package eventstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// StoredArtifact is an artifact and where it stands.
type StoredArtifact struct {
	Artifact
	Tenant   string
	Revision uint64 // grows with each write to the bucket
}

// ArtifactsAfter returns the artifacts that were put, or put again, after a
// revision, in order. One may be gone when it is asked for. The error wraps
// ErrUnavailable.
func (s *Store) ArtifactsAfter(ctx context.Context, revision uint64) ([]StoredArtifact, error) {
	consumer, err := s.js.CreateConsumer(ctx, artifactStream, jetstream.ConsumerConfig{
		FilterSubject: artifactEntries + ">", DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: revision + 1,
		AckPolicy: jetstream.AckNonePolicy, MaxDeliver: 1, MemoryStorage: true, Replicas: 1, InactiveThreshold: listingEnds,
	})
	if err != nil {
		return nil, fmt.Errorf("list artifacts: %w", unavailable(err))
	}
	defer func() {
		_ = s.js.DeleteConsumer(context.WithoutCancel(ctx), artifactStream, consumer.CachedInfo().Name) // else it expires
	}()
	var all []StoredArtifact
	for {
		entries, err := fetchEntries(consumer)
		if err != nil || len(entries) == 0 {
			return all, err
		}
		for _, e := range entries {
			tenant, sum, ok := strings.Cut(e.info.Name, "/")
			if !ok || e.info.Deleted {
				continue
			}
			all = append(all, StoredArtifact{
				Tenant: tenant, Revision: e.revision,
				Artifact: Artifact{Digest: digestPrefix + sum, Size: int64(e.info.Size), MediaType: e.info.Metadata[metaMediaType]}, //nolint:gosec // the server keeps no object of 8 EiB
			})
		}
	}
}
