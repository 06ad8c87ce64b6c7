package archiver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers/archiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a log and where it is archived.
type rig struct {
	store    *eventstore.Store
	target   archive.Target
	identity *age.X25519Identity
	leads    atomic.Bool
	secret   atomic.Uint64 // what the keys are now
}

func newRig(t *testing.T, target archive.Target) *rig {
	t.Helper()
	nc, err := embeddedtest.NATS(t).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	r := rigOn(t, nc, target)
	t.Cleanup(func() {
		if err := r.store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// rigOn is a rig on a server; the caller closes its store.
func rigOn(t *testing.T, nc *nats.Conn, target archive.Target) *rig {
	t.Helper()
	r := &rig{target: target}
	r.leads.Store(true)
	var err error
	if r.store, err = eventstore.Open(t.Context(), nc, eventstore.Config{Stream: "EVENTS"}); err != nil {
		t.Fatal(err)
	}
	if r.identity, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs an archiver until the test ends or stop is called.
func (r *rig) start(t *testing.T, every time.Duration) (a *archiver.Archiver, stop func()) {
	t.Helper()
	a = archiver.New(archiver.Config{
		Store: r.store, Target: r.target, Leads: r.leads.Load, Every: every, MaxBytes: 20_000,
		Recipients: []age.Recipient{r.identity.Recipient()},
		Keys: func(context.Context) (archive.Keys, uint64, error) {
			n := r.secret.Load()
			return archive.Keys{"secret": fmt.Append(nil, n)}, n, nil
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop = once(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return a, stop
}

// once returns f to be called once, however often it is called.
func once(f func()) func() {
	var called atomic.Bool
	return func() {
		if called.CompareAndSwap(false, true) {
			f()
		}
	}
}

// append adds decisions of three events each, and returns the last sequence.
func (r *rig) append(t *testing.T, n int) uint64 {
	t.Helper()
	last := uint64(0)
	for range n {
		event := eventstore.NewEvent{Type: "task.noted", Schema: 1, Data: []byte(`{"text":"` + uuid.NewString() + `"}`)}
		receipt, err := r.store.Append(t.Context(), eventstore.Decision{
			Command: eventstore.Command{ID: uuid.NewString(), Actor: "tester"},
			Writes:  []eventstore.Write{{Entity: eventstore.Entity{Tenant: "acme", Kind: "task", ID: uuid.NewString()}, Events: []eventstore.NewEvent{event, event, event}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		last = receipt.Last()
	}
	return last
}

func (r *rig) flush(t *testing.T, a *archiver.Archiver, seq uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if state, err := a.Flush(ctx, seq); err != nil {
		t.Fatalf("%+v: %v", state, err)
	}
}

// intact fails the test unless the archive holds everything up to a sequence.
func (r *rig) intact(t *testing.T, last uint64) *archive.Log {
	t.Helper()
	l, err := archive.OpenLog(t.Context(), r.target, r.store.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	report, err := l.Verify(t.Context(), nil)
	if err != nil || len(report.Damage) > 0 || report.Intact != last || report.Events != last {
		t.Errorf("%+v, %v; the log ends at %d", report, err, last)
	}
	return l
}

// TestFlush archives at once what else would wait for an hour, goes on where
// another archiver ended, and ships keys when they change.
func TestFlush(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testFlush)
}

func testFlush(t *testing.T, target archive.Target) {
	r := newRig(t, target)
	big, err := r.store.PutArtifact(t.Context(), "acme", "text/plain", []byte("large"))
	if err != nil {
		t.Fatal(err)
	}
	a, stop := r.start(t, time.Hour)
	r.flush(t, a, r.append(t, 10))
	r.secret.Store(1)
	last := r.append(t, 1)
	r.flush(t, a, last)
	stop()
	a, _ = r.start(t, time.Hour)
	later := r.append(t, 5)
	r.flush(t, a, later)
	l := r.intact(t, later)
	for seq, want := range map[uint64]string{1: "0", last: "1"} {
		keys, err := l.Keys(t.Context(), seq, r.identity)
		if err != nil || string(keys["secret"]) != want {
			t.Errorf("keys of %d: %s, %v", seq, keys["secret"], err)
		}
	}
	if has, err := archive.HasArtifact(t.Context(), r.target, "acme", big.Digest); err != nil || !has {
		t.Errorf("the artifact was not archived: %v", err)
	}
}

// TestSegmentsByTimeAndSize: nothing waits longer than it may, and a segment
// ends with a decision.
func TestSegmentsByTimeAndSize(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testSegmentsByTimeAndSize)
}

func testSegmentsByTimeAndSize(t *testing.T, target archive.Target) {
	r := newRig(t, target)
	a, _ := r.start(t, 50*time.Millisecond)
	last := r.append(t, 100)
	eventually(t, func() bool { return a.State().Archived == last })
	l := r.intact(t, last)
	if len(l.Seals) < 2 {
		t.Errorf("%d segments", len(l.Seals))
	}
	for _, s := range l.Seals {
		if s.Last%3 != 0 {
			t.Errorf("a segment ends within a decision, at %d", s.Last)
		}
	}
}

// TestTargetAway: while the target cannot be written, the log goes on, the
// state says why, and afterwards everything is archived.
func TestTargetAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, archivetest.Dir(t, dir))
	blocked := filepath.Join(dir, "logs")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a, _ := r.start(t, 20*time.Millisecond)
	r.append(t, 5)
	eventually(t, func() bool { s := a.State(); return s.Failures > 0 && s.Error != "" && !s.Active })
	last := r.append(t, 50) // the log takes what comes
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return a.State().Archived == last && a.State().Error == "" })
	r.intact(t, last)
}

// TestOnlyTheLeader archives; another goes on when the lead passes to it.
func TestOnlyTheLeader(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testOnlyTheLeader)
}

func testOnlyTheLeader(t *testing.T, target archive.Target) {
	r := newRig(t, target)
	a, _ := r.start(t, 20*time.Millisecond)
	first := r.append(t, 3)
	eventually(t, func() bool { return a.State().Archived == first })
	r.leads.Store(false)
	eventually(t, func() bool { return !a.State().Active })
	last := r.append(t, 3)
	r.intact(t, first)
	r.leads.Store(true)
	b, _ := r.start(t, 20*time.Millisecond) // two at once do no harm
	eventually(t, func() bool { return a.State().Archived == last && b.State().Archived == last })
	r.intact(t, last)
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come true")
		}
	}
}
