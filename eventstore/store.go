package eventstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Config says which log a Store works on. Only Stream is required.
type Config struct {
	Stream string // name of the stream, such as "EVENTS"
	// Restoring opens a log whose restore is not finished, to restore what
	// belongs to it.
	Restoring bool
	Replicas  int              // 1 alone (default), 3 in a cluster
	MaxBytes  int64            // size limit of the log in bytes; 0 = no limit
	AckWait   time.Duration    // default 5s; after that an outcome is unknown and is looked up
	Now       func() time.Time // default time.Now
	NewID     func() string    // default UUIDv7
	Log       zerolog.Logger
}

// Store is the only writer of the log, and a reader of it. Its methods are
// safe for concurrent use.
type Store struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	cfg       Config
	epoch     string
	replicas  int
	artifacts jetstream.ObjectStore
	committer *committer
	stats     counters
	seen      atomic.Uint64 // highest sequence known to exist
	watch     time.Duration // how often a tail compares itself with the stream's end
	seed      maphash.Seed  // makes hashes of command ids unpredictable from outside
}

// Open creates the stream, or compares the one found with what is wanted: a
// field that breaks a promise is a *DriftError. It makes the bucket of the
// artifacts and starts the committer. The error wraps ErrUnavailable when the
// server does not answer. The connection stays the caller's: close it after
// Close, and give it nats.MaxReconnects(-1).
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	stream, err := openStream(ctx, js, cfg)
	if err != nil {
		return nil, err
	}
	bucket, err := openArtifacts(ctx, js, cfg)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	s := &Store{
		nc: nc, js: js, cfg: cfg, artifacts: bucket,
		epoch:    info.Config.Metadata[metaEpoch],
		replicas: info.Config.Replicas,
		watch:    3 * time.Second,
		seed:     maphash.MakeSeed(),
	}
	s.noteSeen(info.State.LastSeq)
	if s.committer, err = startCommitter(s); err != nil {
		return nil, err
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Replicas <= 0 {
		c.Replicas = 1
	}
	if c.AckWait <= 0 {
		c.AckWait = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	return c
}

// Close takes no more decisions and waits until all those taken are answered.
// When ctx ends first, the rest are answered at once with ErrUnknownOutcome, or
// ErrUnavailable where nothing was sent, and Close returns the context's error.
func (s *Store) Close(ctx context.Context) error { return s.committer.close(ctx) }

// LastSeq returns the sequence of the log's last event; 0 for an empty log.
// The stream's leader answers.
func (s *Store) LastSeq(ctx context.Context) (uint64, error) {
	info, err := s.info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

func (s *Store) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AckWait)
	defer cancel()
	stream, err := s.js.Stream(ctx, s.cfg.Stream)
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", s.cfg.Stream, unavailable(err))
	}
	return stream.CachedInfo(), nil
}

// noteSeen remembers that the log reaches at least seq.
func (s *Store) noteSeen(seq uint64) {
	for {
		was := s.seen.Load()
		if was >= seq || s.seen.CompareAndSwap(was, seq) {
			return
		}
	}
}

func (s *Store) hash(command string) uint64 { return maphash.String(s.seed, command) }

// unavailable marks err as ErrUnavailable, unless the caller's own context
// ended.
func unavailable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
