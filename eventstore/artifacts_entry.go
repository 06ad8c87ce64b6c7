package eventstore

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The stream behind the bucket, by the layout of NATS object stores: one entry
// an object, whose sequence is the object's revision, and its chunks, on a
// subject of their own for each time that the bytes were put.
const (
	artifactStream  = "OBJ_" + artifactBucket
	artifactEntries = "$O." + artifactBucket + ".M."
	artifactChunks  = "$O." + artifactBucket + ".C."
)

// listingEnds is when the server forgets a listing that nobody reads on.
const listingEnds = time.Minute

// artifactEntry is what the bucket says about an object.
type artifactEntry struct {
	info     jetstream.ObjectInfo
	revision uint64
	stored   time.Time // by the server's clock; set by listings only
}

func entrySubject(name string) string {
	return artifactEntries + base64.URLEncoding.EncodeToString([]byte(name))
}

// refreshArtifact gives an object that is stored whole a new revision, and
// with it a new time stamp, and returns it; nil when it has to be put.
//
// The write is conditional on the revision read. When it is refused, somebody
// else has written meanwhile: a new revision as well, which serves this caller
// too, or the mark of a removal, after which the object has to be put.
func (s *Store) refreshArtifact(ctx context.Context, name string, size uint64) (*jetstream.ObjectInfo, error) {
	e, err := s.artifactEntry(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil {
		return nil, err
	}
	if e.info.Deleted || e.info.Size != size {
		return nil, nil //nolint:nilnil // said above
	}
	if e.info.Metadata == nil {
		e.info.Metadata = map[string]string{}
	}
	e.info.Metadata[metaEpoch] = s.epoch
	_, err = s.writeEntry(ctx, e)
	if !isWrongLast(err) {
		return &e.info, err
	}
	if e, err = s.artifactEntry(ctx, name); errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil || e.info.Deleted || e.info.Size != size {
		return nil, err
	}
	return &e.info, nil
}

// artifactEntry reads an object's entry, which may be the mark of a removal,
// from the leader of the bucket. It fails with ErrNotFound when there is none.
func (s *Store) artifactEntry(ctx context.Context, name string) (artifactEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckWait)
	defer cancel()
	body, err := json.Marshal(getRequest{LastFor: entrySubject(name)})
	if err != nil {
		return artifactEntry{}, fmt.Errorf("encode request: %w", err)
	}
	m, err := s.nc.RequestWithContext(ctx, apiLeader+artifactStream, body)
	if err != nil {
		return artifactEntry{}, unavailable(err)
	}
	var reply leaderReply
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return artifactEntry{}, fmt.Errorf("decode leader's answer: %w", unavailable(err))
	}
	if e := reply.Error; e != nil && e.ErrCode == codeNoMessage {
		return artifactEntry{}, ErrNotFound
	} else if e != nil {
		return artifactEntry{}, fmt.Errorf("leader read: %s (%d): %w", e.Text, e.ErrCode, ErrUnavailable)
	}
	e := artifactEntry{revision: reply.Message.Seq}
	if err := json.Unmarshal(reply.Message.Data, &e.info); err != nil {
		return artifactEntry{}, fmt.Errorf("decode entry of %s: %w", name, unavailable(err))
	}
	return e, nil
}

// writeEntry replaces an entry if its revision is still the one read, and
// returns the new revision.
func (s *Store) writeEntry(ctx context.Context, e artifactEntry) (uint64, error) {
	e.info.ModTime = time.Time{} // the server's time stamp counts
	data, err := json.Marshal(e.info)
	if err != nil {
		return 0, fmt.Errorf("encode entry: %w", err)
	}
	m := nats.NewMsg(entrySubject(e.info.Name))
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	m.Data = data
	ack, err := s.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(e.revision))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// removeArtifact removes an object if its revision is still the one read; it
// reports false when it is not. First the entry becomes the mark of a removal;
// from then on nobody can refresh the object, so its chunks are nobody's. A
// removal that was cut short is finished by removing the mark.
func (s *Store) removeArtifact(ctx context.Context, e artifactEntry) (bool, error) {
	if !e.info.Deleted {
		mark := e
		mark.info.Deleted = true
		mark.info.Size, mark.info.Chunks, mark.info.Digest = 0, 0, ""
		revision, err := s.writeEntry(ctx, mark)
		if isWrongLast(err) {
			return false, nil
		}
		if err != nil {
			return false, unavailable(err)
		}
		e.revision = revision
	}
	stream, err := s.js.Stream(ctx, artifactStream)
	if err != nil {
		return false, unavailable(err)
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSubject(artifactChunks+e.info.NUID)); err != nil {
		return false, unavailable(err)
	}
	// Deleting one sequence cannot touch an entry that has replaced the mark.
	if err := stream.DeleteMsg(ctx, e.revision); err != nil {
		now, look := s.artifactEntry(ctx, e.info.Name)
		if look == nil && now.revision == e.revision || look != nil && !errors.Is(look, ErrNotFound) {
			return false, unavailable(err)
		}
	}
	return true, nil
}

func isWrongLast(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && (refused.ErrorCode == codeWrongLast || refused.ErrorCode == codeWrongLastInFlight)
}
