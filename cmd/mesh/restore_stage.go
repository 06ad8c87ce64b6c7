package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/internal/flock"
)

// A restore fills a server below the data directory, which is put in its place
// by one rename when all of it is there. What a restore that was killed leaves
// is thrown away, whatever state it is in: a server that is killed while it
// writes the configuration of a stream does not know the stream any more, but
// keeps its files.
const (
	natsFolder      = "nats"
	restoringFolder = "restoring"
	restoringLock   = "restoring.lock"
)

// restoring is a restore into a data directory. Close it.
type restoring struct {
	data string
	lock *flock.Lock
}

// beginRestoring makes an empty place for a restore. It fails with
// eventstore.ErrLogExists where there is a log, and with flock.ErrHeld while
// another restore is at work.
func beginRestoring(data string) (*restoring, error) {
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := flock.Try(filepath.Join(data, restoringLock))
	if err != nil {
		return nil, fmt.Errorf("another restore into %s may be at work, wait for it: %w", data, err)
	}
	r := &restoring{data: data, lock: lock}
	if err := errors.Join(r.vacant(), os.RemoveAll(r.folder())); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *restoring) folder() string { return filepath.Join(r.data, restoringFolder) }
func (r *restoring) close() error   { return r.lock.Release() }

// vacant fails where there is a log, or anything in its place.
func (r *restoring) vacant() error {
	found, err := os.ReadDir(filepath.Join(r.data, natsFolder))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(found) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a log: %w", err)
	}
	return eventstore.ErrLogExists
}

// server runs do on a server of the place. In bulk it syncs once, at the end.
func (r *restoring) server(ctx context.Context, a *app, bulk bool, do func(*nats.Conn) error) (err error) {
	log := newLog(a.stderr, "warn")
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: r.folder(), NoListen: true, SyncAtStop: bulk, Log: log})
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), syncTimeout)
		defer cancel()
		err = errors.Join(err, server.Stop(end))
	}()
	nc, err := server.Connect(ctx, nats.ErrorHandler(logNATS(log)))
	if err != nil {
		return err
	}
	defer nc.Close()
	return do(nc)
}

// finish puts what was restored in the place of the log, durably.
func (r *restoring) finish() error {
	if err := r.vacant(); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(r.folder(), natsFolder), filepath.Join(r.data, natsFolder))
	if err != nil {
		return fmt.Errorf("put the restored log in its place: %w", err)
	}
	if err := errors.Join(syncFolder(r.folder()), syncFolder(r.data)); err != nil {
		return err
	}
	return os.RemoveAll(r.folder())
}

func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	return nil
}

// refuseRestoring fails where a restore was cut off, or is at work: a mesh would
// begin an empty log there.
func refuseRestoring(data string) error {
	_, err := os.Stat(filepath.Join(data, restoringFolder, natsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a restore that was cut off: %w", err)
	}
	return &failure{
		Exit: exitConflict, Code: "restoring", Message: "a restore into " + data + " was cut off, or is at work",
		Hint: "run it again, or remove " + filepath.Join(data, restoringFolder) + " to begin an empty log",
	}
}
