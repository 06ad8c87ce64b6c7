package recovery_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/recovery"
)

// A publisher of the client that is cleaned up before its goroutine has begun
// leaves that waiting for ever.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

var logConfig = eventstore.Config{Stream: "EVENTS"}

func connect(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := embeddedtest.NATS(t).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func open(t *testing.T, nc *nats.Conn) *eventstore.Store {
	t.Helper()
	s, err := eventstore.Open(t.Context(), nc, logConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// stored is the log up to the given number of events.
func stored(t *testing.T, s *eventstore.Store, n int) []eventstore.Stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []eventstore.Stored
	err := s.Tail(ctx, 0, eventstore.TailOptions{Stored: true}, func(rs []eventstore.Record) error {
		for _, r := range rs {
			all = append(all, *r.Stored)
		}
		if len(all) >= n {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("%d of %d events: %v", len(all), n, err)
	}
	return all
}

// archived is a log of random decisions and its archive, of several segments.
type archived struct {
	log      *archive.Log
	target   archive.Target
	events   []eventstore.Stored
	identity *age.X25519Identity
	artifact eventstore.Artifact
}

func archiveOf(t *testing.T, target archive.Target, r *rand.Rand, decisions int) archived {
	t.Helper()
	s := open(t, connect(t))
	n := 0
	for range decisions {
		events := make([]eventstore.NewEvent, 1+r.IntN(6))
		for i := range events {
			events[i] = eventstore.NewEvent{Type: "task.noted", Schema: 1, Data: []byte(`{"text":"` + uuid.NewString() + `"}`)}
		}
		n += len(events)
		if _, err := s.Append(t.Context(), eventstore.Decision{
			Command: eventstore.Command{ID: uuid.NewString(), Actor: "tester"},
			Writes:  []eventstore.Write{{Entity: eventstore.Entity{Tenant: "acme", Kind: "task", ID: uuid.NewString()}, Events: events}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	a := archived{target: target, events: stored(t, s, n)}
	var err error
	if a.log, err = archive.OpenLog(t.Context(), a.target, s.Epoch()); err != nil {
		t.Fatal(err)
	}
	for rest, size := a.events, max(1, n/4); len(rest) > 0; {
		cut := min(size, len(rest))
		for ; cut < len(rest); cut++ {
			if last, err := rest[cut-1].Record(); err != nil || last.EndsDecision() {
				break
			}
		}
		if err := a.log.Append(t.Context(), rest[:cut], time.Now()); err != nil {
			t.Fatal(err)
		}
		rest = rest[cut:]
	}
	if a.identity, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	if err := a.log.PutKeys(t.Context(), uint64(n), archive.Keys{"seal.1": []byte("secret")}, []age.Recipient{a.identity.Recipient()}); err != nil {
		t.Fatal(err)
	}
	if a.artifact, err = s.PutArtifact(t.Context(), "acme", "text/plain", []byte("large")); err != nil {
		t.Fatal(err)
	}
	if err := archive.PutArtifact(t.Context(), a.target, archive.Artifact{Tenant: "acme", Digest: a.artifact.Digest, MediaType: "text/plain", Data: []byte("large")}); err != nil {
		t.Fatal(err)
	}
	return a
}

// restore restores into an empty server and returns the log there.
func (a archived) restore(t *testing.T, to recovery.Target) (recovery.Plan, *eventstore.Store, *nats.Conn) {
	t.Helper()
	p, err := recovery.Make(t.Context(), a.log, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	nc := connect(t)
	if _, err := recovery.Run(t.Context(), recovery.Config{NATS: nc, Archive: a.target, Log: a.log, Store: logConfig, Identities: []age.Identity{a.identity}}, p); err != nil {
		t.Fatal(err)
	}
	if err := recovery.Finish(t.Context(), nc, logConfig); err != nil {
		t.Fatal(err)
	}
	return p, open(t, nc), nc
}

// upTo is what a restore to a target must hold: the whole decisions before it.
func (a archived) upTo(within func(eventstore.Stored) bool) []eventstore.Stored {
	n := 0
	for i, e := range a.events {
		if !within(e) {
			break
		}
		if r, err := e.Record(); err != nil || r.EndsDecision() {
			n = i + 1
		}
	}
	return a.events[:n]
}

// TestPointsInTime: at 10 random sequences and times, the restored log is the
// old one up to there, event by event, and no decision is there in part.
func TestPointsInTime(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testPointsInTime)
}

func testPointsInTime(t *testing.T, target archive.Target) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := archiveOf(t, target, r, 150)
	for range 10 {
		e := a.events[6+r.IntN(len(a.events)-6)]
		to, within := recovery.Target{Seq: e.Seq}, func(x eventstore.Stored) bool { return x.Seq <= e.Seq }
		if r.IntN(2) == 0 {
			to, within = recovery.Target{Time: e.At}, func(x eventstore.Stored) bool { return !x.At.After(e.At) }
		}
		want := a.upTo(within)
		p, s, _ := a.restore(t, to)
		if diff := cmp.Diff(want, stored(t, s, len(want))); diff != "" {
			t.Fatalf("%+v (-old +restored)\n%s", to, diff)
		}
		if end, err := s.LastSeq(t.Context()); err != nil || end != p.Last || int(p.Events+p.Dropped) != len(a.events) { //nolint:gosec // small
			t.Errorf("%+v: the log ends at %d, %v; plan %+v of %d", to, end, err, p, len(a.events))
		}
	}
}

// TestAllThatBelongsToALog comes with it: keys and artifacts.
func TestAllThatBelongsToALog(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testAllThatBelongsToALog)
}

func testAllThatBelongsToALog(t *testing.T, target archive.Target) {
	a := archiveOf(t, target, rand.New(rand.NewPCG(1, 2)), 20)
	_, s, nc := a.restore(t, recovery.Target{})
	if data, err := s.GetArtifact(t.Context(), "acme", a.artifact.Digest); err != nil || string(data) != "large" {
		t.Errorf("%s, %v", data, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	keys, _, err := auth.ExportKeys(t.Context(), js)
	if err != nil || string(keys["seal.1"]) != "secret" {
		t.Errorf("%v, %v", keys, err)
	}
}

// TestRestoreIsRefused before anything is changed: over a log, and without
// what opens the keys.
func TestRestoreIsRefused(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testRestoreIsRefused)
}

func testRestoreIsRefused(t *testing.T, target archive.Target) {
	a := archiveOf(t, target, rand.New(rand.NewPCG(1, 3)), 10)
	p, err := recovery.Make(t.Context(), a.log, recovery.Target{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	nc := connect(t)
	cfg := recovery.Config{NATS: nc, Archive: a.target, Log: a.log, Store: logConfig}
	if _, err := recovery.Run(t.Context(), cfg, p); !errors.Is(err, archive.ErrNoIdentity) {
		t.Errorf("without an identity: %v", err)
	}
	old := open(t, nc) // it is still empty: nothing was begun
	cfg.Identities = []age.Identity{a.identity}
	if _, err := recovery.Run(t.Context(), cfg, p); !errors.Is(err, eventstore.ErrLogExists) {
		t.Errorf("over a log: %v", err)
	}
	if end, err := old.LastSeq(t.Context()); err != nil || end != 0 {
		t.Errorf("the log that was there ends at %d, %v", end, err)
	}
	if _, err := recovery.Make(t.Context(), a.log, recovery.Target{Seq: p.Last + 1}, nil); err == nil {
		t.Error("a plan beyond the archive was made")
	}
}

// TestDamage: a plan over a damaged segment names it; with AllowLoss, what is
// intact before is restored. Damage after the target does not matter.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := archiveOf(t, archivetest.Dir(t, dir), rand.New(rand.NewPCG(1, 4)), 60)
	bad := a.log.Seals[2]
	names, err := filepath.Glob(filepath.Join(dir, "logs", a.log.ID(), "*"+bad.SHA256[:16]+".seg"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := os.Truncate(names[0], bad.Size/2); err != nil {
		t.Fatal(err)
	}
	var damage *archive.DamageError
	if _, err := recovery.Make(t.Context(), a.log, recovery.Target{}, nil); !errors.As(err, &damage) || damage.Seq != bad.First {
		t.Errorf("%v", err)
	}
	if _, err := recovery.Make(t.Context(), a.log, recovery.Target{Seq: bad.After}, nil); err != nil {
		t.Errorf("up to before it: %v", err)
	}
	want := a.upTo(func(e eventstore.Stored) bool { return e.Seq <= bad.After })
	p, s, _ := a.restore(t, recovery.Target{AllowLoss: true})
	if diff := cmp.Diff(want, stored(t, s, len(want))); diff != "" || p.Damage == nil || p.Last != bad.After {
		t.Errorf("plan %+v (-old +restored)\n%s", p, diff)
	}
}

// TestRestoreAgain: one that was cut off completes when it is run
// again; until then no store opens the log.
func TestRestoreAgain(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testRestoreAgain)
}

func testRestoreAgain(t *testing.T, target archive.Target) {
	a := archiveOf(t, target, rand.New(rand.NewPCG(1, 5)), 400)
	p, err := recovery.Make(t.Context(), a.log, recovery.Target{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	nc := connect(t)
	cfg := recovery.Config{NATS: nc, Archive: a.target, Log: a.log, Store: logConfig, Identities: []age.Identity{a.identity}}
	for _, step := range []string{"events", "artifacts"} {
		ctx, cancel := context.WithCancel(t.Context())
		cut := cfg
		cut.Progress = func(at string, done, _ uint64) {
			if at == step && done > 0 {
				cancel()
			}
		}
		if _, err := recovery.Run(ctx, cut, p); !errors.Is(err, context.Canceled) && (err != nil || step == "events") { // the only artifact may be the last that is done
			t.Fatalf("cut off at %s: %v", step, err)
		}
		cancel()
		if begun(t, nc) {
			if _, err := eventstore.Open(t.Context(), nc, logConfig); !errors.Is(err, eventstore.ErrUnfinishedRestore) {
				t.Fatalf("opened after it was cut off at %s: %v", step, err)
			}
		} else if step == "artifacts" {
			t.Error("there is no log when its artifacts are restored")
		}
	}
	if _, err := recovery.Run(t.Context(), cfg, p); err != nil {
		t.Fatal(err)
	}
	if err := recovery.Finish(t.Context(), nc, logConfig); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.events, stored(t, open(t, nc), len(a.events))); diff != "" {
		t.Errorf("(-old +restored)\n%s", diff)
	}
}

// begun reports whether there is anything of a log: before the first events
// have been sent there is not.
func begun(t *testing.T, nc *nats.Conn) bool {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.Stream(t.Context(), logConfig.Stream)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatal(err)
	}
	return err == nil
}
