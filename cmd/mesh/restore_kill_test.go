package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
)

var kills = flag.Int("kills", 5, "how many times a restore, and a mesh that archives, is killed")

// TestRestoreKilled: a restore that is killed at random points completes when
// it is run again, and the log is the archived one, event by event.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := archiveEvents(t, dir, 600)
	restore := func(data string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "mesh", "restore", "--from", dir, "--data", data, "--identity", filepath.Join(dir, identityFile))
	}
	began := time.Now()
	if out, err := restore(filepath.Join(t.TempDir(), "data")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(began)
	data, killed := filepath.Join(t.TempDir(), "data"), 0
	for range *kills {
		if endedBefore(t, restore(data), rand.N(whole)) {
			sameLog(t, data, want)
			data = filepath.Join(t.TempDir(), "data")
			continue
		}
		killed++
	}
	t.Logf("a whole restore takes %v; %d of %d were killed in it", whole, killed, *kills)
	out, err := restore(data).CombinedOutput()
	// One that was killed after it had opened the log, in its last moments, was done.
	if err != nil && !bytes.Contains(out, []byte("never overwrites")) {
		t.Fatalf("run again: %v\n%s", err, out)
	}
	sameLog(t, data, want)
}

// endedBefore runs cmd, kills it after a while, and reports whether it had
// ended well before.
func endedBefore(t *testing.T, cmd *exec.Cmd, after time.Duration) bool {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may have ended
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) && !bytes.Contains(out.Bytes(), []byte("never overwrites")) {
		t.Fatalf("killed after %v: %v\n%s", after, err, out.Bytes())
	}
	return err == nil || errors.As(err, &exit) && exit.Exited()
}

// archiveEvents archives a log of decisions of ten events each, in segments, to
// a directory, with an identity there that opens its keys.
func archiveEvents(t *testing.T, dir string, decisions int) []eventstore.Stored {
	t.Helper()
	const each = 10
	nc, err := embeddedtest.NATS(t).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s, err := eventstore.Open(t.Context(), nc, eventstore.Config{Stream: logStream})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	var g errgroup.Group
	g.SetLimit(64)
	for range decisions {
		g.Go(func() error {
			events := make([]eventstore.NewEvent, each)
			for i := range events {
				events[i] = eventstore.NewEvent{Type: "task.noted", Schema: 1, Data: fmt.Appendf(nil, `{"text":%q}`, uuid.NewString())}
			}
			_, err := s.Append(t.Context(), eventstore.Decision{
				Command: eventstore.Command{ID: uuid.NewString(), Actor: "tester"},
				Writes:  []eventstore.Write{{Entity: eventstore.Entity{Tenant: "acme", Kind: "task", ID: uuid.NewString()}, Events: events}},
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	all := storedEvents(t, s)
	l, err := archive.OpenLog(t.Context(), archivetest.Dir(t, dir), s.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	id, err := keepIdentity(filepath.Join(dir, identityFile))
	if err != nil {
		t.Fatal(err)
	}
	for rest := all; len(rest) > 0; {
		n := min(len(rest), 100*each)
		if err := l.Append(t.Context(), rest[:n], time.Now()); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := l.PutKeys(t.Context(), l.End().Last, archive.Keys{"seal.1": []byte("secret")}, []age.Recipient{id.Recipient()}); err != nil {
		t.Fatal(err)
	}
	return all
}

func closeStore(t *testing.T, s *eventstore.Store) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// storedEvents is the whole log.
func storedEvents(t *testing.T, s *eventstore.Store) []eventstore.Stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	end, err := s.LastSeq(ctx)
	if err != nil || end == 0 {
		t.Fatalf("the log ends at %d: %v", end, err)
	}
	var all []eventstore.Stored
	err = s.Tail(ctx, 0, eventstore.TailOptions{Stored: true}, func(rs []eventstore.Record) error {
		for _, r := range rs {
			all = append(all, *r.Stored)
		}
		if all[len(all)-1].Seq >= end {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("read the log: %d events of %d: %v", len(all), end, err)
	}
	return all
}

// eventsIn is the whole log in a data directory that no mesh has.
func eventsIn(t *testing.T, data string) []eventstore.Stored {
	t.Helper()
	if _, err := os.Stat(data); err != nil {
		t.Fatal(err)
	}
	n, err := embedded.StartNATS(embedded.NATSConfig{Dir: data, NoListen: true, Log: newLog(io.Discard, "error")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	nc, err := n.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s, err := eventstore.Open(t.Context(), nc, eventstore.Config{Stream: logStream})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	return storedEvents(t, s)
}

// TestRestoreOverRubbish: what a restore that was killed left may be in any
// state; until the next is done no mesh begins an empty log there.
func TestRestoreOverRubbish(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	want := archiveEvents(t, dir, 20)
	stream := filepath.Join(data, restoringFolder, natsFolder, "jetstream", "$G", "streams", logStream)
	if err := os.MkdirAll(stream, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(stream, "meta.inf"), `{"name": "`)
	out, err := exec.CommandContext(t.Context(), "mesh", "up", "--data", data, "--http", "127.0.0.1:0", "--nats-port", "0").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("run it again")) {
		t.Errorf("a mesh began: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "mesh", "restore", "--from", dir, "--data", data, "--identity", filepath.Join(dir, identityFile)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sameLog(t, data, want)
	if _, err := os.Stat(filepath.Join(data, restoringFolder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// sameLog compares event by event: a difference of whole logs would be slow.
func sameLog(t *testing.T, data string, want []eventstore.Stored) {
	t.Helper()
	got := eventsIn(t, data)
	if len(got) != len(want) {
		t.Fatalf("%d events restored, %d archived", len(got), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Fatalf("(-archived +restored)\n%s", diff)
		}
	}
}
