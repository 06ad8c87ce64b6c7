package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// Keys of the stream's metadata.
const (
	metaEpoch  = "mesh_epoch"
	metaSchema = "mesh_schema"
	// metaOrigin is the position, in the log that it was restored from, of a
	// restored log's last event.
	metaOrigin = "mesh_restored_from"
	// metaUnfinished is set while a log is being restored.
	metaUnfinished = "mesh_restoring"
)

// streamSchema is the version of the log's layout: subjects and envelope.
const streamSchema = "1"

// apiLevel is the JetStream API level that brought atomic batches (2.12).
const apiLevel = 2

// wanted returns the configuration of the log stream.
func (c Config) wanted(epoch string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               c.Stream,
		Description:        "Hivemesh event log",
		Subjects:           []string{subjectRoot + ">"},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		MaxMsgs:            -1,
		MaxBytes:           unlimited(c.MaxBytes),
		MaxMsgsPerSubject:  -1,
		Replicas:           c.Replicas,
		DenyDelete:         true,
		DenyPurge:          true,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{metaEpoch: epoch, metaSchema: streamSchema},
	}
}

func unlimited(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}

// openStream creates the log stream, or checks the one that exists. Another
// node may create it at the same time; then that one's epoch holds.
func openStream(ctx context.Context, js jetstream.JetStream, cfg Config) (jetstream.Stream, error) {
	account, err := js.AccountInfo(ctx)
	if err != nil {
		return nil, fmt.Errorf("read account: %w", unavailable(err))
	}
	if account.API.Level < apiLevel {
		return nil, &DriftError{Stream: cfg.Stream, Field: "api_level", Want: "at least 2 (nats-server 2.12)", Got: strconv.Itoa(account.API.Level)}
	}
	stream, err := js.Stream(ctx, cfg.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, cfg.wanted(cfg.NewID()))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(ctx, cfg.Stream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", cfg.Stream, unavailable(err))
	}
	found := stream.CachedInfo().Config
	if found.Metadata[metaUnfinished] != "" && !cfg.Restoring {
		return nil, ErrUnfinishedRestore
	}
	if err := checkDrift(cfg, found); err != nil {
		return nil, err
	}
	if found.MaxBytes != unlimited(cfg.MaxBytes) {
		found.MaxBytes = unlimited(cfg.MaxBytes)
		if stream, err = js.UpdateStream(ctx, found); err != nil {
			return nil, fmt.Errorf("set max_bytes of stream %s: %w", cfg.Stream, unavailable(err))
		}
	}
	return stream, nil
}
