package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"filippo.io/age"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Config is what a restore needs.
type Config struct {
	NATS       *nats.Conn // of the empty system
	Archive    archive.Target
	Log        *archive.Log      // in Archive
	Store      eventstore.Config // of the log that is made
	Identities []age.Identity    // that open the keys
	Progress   func(step string, done, total uint64)
}

// Result is what a restore has done.
type Result struct {
	Epoch     string // identity of the new log
	Artifacts int
	Damaged   []archive.DamageError // artifacts that are lost
}

// Run carries a plan out, up to Finish. It fails with eventstore.ErrLogExists where there is
// a log, and with archive.ErrNoIdentity before anything is changed when the
// keys cannot be opened. After any other failure it can be run again.
func Run(ctx context.Context, cfg Config, p Plan) (Result, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string, uint64, uint64) {}
	}
	var r Result
	keys, err := cfg.Log.Keys(ctx, p.Last, cfg.Identities...)
	if err != nil {
		return r, err
	}
	js, err := jetstream.New(cfg.NATS)
	if err != nil {
		return r, fmt.Errorf("use JetStream: %w", err)
	}
	if r.Epoch, err = restoreEvents(ctx, cfg, p); err != nil {
		return r, err
	}
	if err := auth.ImportKeys(ctx, js, cfg.Store.Replicas, keys); err != nil {
		return r, err
	}
	return r, restoreArtifacts(ctx, cfg, &r)
}

// Finish opens the restored log to nodes. Doing it again changes nothing. What
// Run has done must be durable before.
func Finish(ctx context.Context, nc *nats.Conn, log eventstore.Config) error {
	return eventstore.FinishRestore(ctx, nc, log)
}

func restoreEvents(ctx context.Context, cfg Config, p Plan) (string, error) {
	var (
		pending []eventstore.Stored
		done    uint64
	)
	more, stop := iter.Pull2(cfg.Log.Segments(ctx, p.seals))
	defer stop()
	next := func() (eventstore.Stored, error) {
		for len(pending) == 0 {
			part, err, ok := more()
			if !ok {
				return eventstore.Stored{}, io.EOF
			}
			if err != nil {
				return eventstore.Stored{}, err
			}
			pending = part.Events
			cfg.Progress("events", done, p.Events)
		}
		e := pending[0]
		if e.Seq > p.Last {
			return eventstore.Stored{}, io.EOF
		}
		pending = pending[1:]
		done++
		return e, nil
	}
	epoch, err := eventstore.Restore(ctx, cfg.NATS, cfg.Store, eventstore.Copy{
		Epoch: p.Log, First: p.First, Last: p.Last, Events: p.Events, Bytes: p.Bytes, Next: next,
	})
	if err == nil {
		cfg.Progress("events", done, p.Events)
	}
	return epoch, err
}

// restoreArtifacts puts every artifact back. One that is damaged is told of and
// left out: the events that name it are whole.
func restoreArtifacts(ctx context.Context, cfg Config, r *Result) (err error) {
	open := cfg.Store
	open.Restoring = true
	store, err := eventstore.Open(ctx, cfg.NATS, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close(ctx)) }()
	return archive.Artifacts(ctx, cfg.Archive, func(a archive.Artifact, damage *archive.DamageError) error {
		if damage != nil {
			r.Damaged = append(r.Damaged, *damage)
			return nil
		}
		if _, err := store.PutArtifact(ctx, a.Tenant, a.MediaType, a.Data); err != nil {
			return err
		}
		r.Artifacts++
		cfg.Progress("artifacts", uint64(r.Artifacts), 0)
		return nil
	})
}
