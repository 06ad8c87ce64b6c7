package projections_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections/projectionstest"
	"github.com/hivemesh/hivemesh/recovery"
)

var writeGolden = flag.String("write-golden", "", "name of a golden log to write, such as 0.2.0")

const goldenLogs = "testdata/logs"

// goldenLog is what is known of a log that an earlier version wrote.
type goldenLog struct {
	Events uint64           `json:"events"`
	Types  []string         `json:"types"`
	Rows   map[string]int64 `json:"rows"` // by read model
}

// TestGoldenLogs: a log that a released version has archived is restored by
// today's code, every event of it is understood, and the read models show as
// much as they did.
func TestGoldenLogs(t *testing.T) {
	t.Parallel()
	if *writeGolden != "" {
		writeGoldenLog(t, filepath.Join(goldenLogs, *writeGolden))
	}
	logs, err := os.ReadDir(goldenLogs)
	if err != nil || len(logs) == 0 {
		t.Fatalf("no golden logs: %v", err)
	}
	for _, l := range logs {
		t.Run(l.Name(), func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(goldenLogs, l.Name())
			text, err := os.ReadFile(filepath.Join(folder, "known.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want goldenLog
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			got := restored(t, folder).known(t)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-then +now)\n%s", diff)
			}
		})
	}
}

// restored is a bundle over the log of an archive.
func restored(t *testing.T, folder string) *bundle {
	t.Helper()
	from, l := opened(t, folder)
	identity, err := age.ParseX25519Identity(goldenIdentity(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := recovery.Make(t.Context(), l, recovery.Target{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := embeddedtest.NATS(t)
	nc, err := server.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	log := eventstore.Config{Stream: "EVENTS", Replicas: 1}
	if _, err := recovery.Run(t.Context(), recovery.Config{NATS: nc, Archive: from, Log: l, Store: log, Identities: []age.Identity{identity}}, plan); err != nil {
		t.Fatal(err)
	}
	if err := recovery.Finish(t.Context(), nc, log); err != nil {
		t.Fatal(err)
	}
	b := &bundle{store: storeOn(t, server), pool: newPool(t, embeddedtest.PostgresURL(t))}
	b.p = b.open(t, b.store)
	run(t, b.p)
	b.caughtUp(t)
	return b
}

func opened(t *testing.T, folder string) (archive.Target, *archive.Log) {
	t.Helper()
	from, err := archive.OpenDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(from.Close)
	ids, err := archive.Logs(t.Context(), from)
	if err != nil || len(ids) != 1 {
		t.Fatalf("%d logs, %v", len(ids), err)
	}
	l, err := archive.OpenLog(t.Context(), from, ids[0])
	if err != nil || l.Damage != nil {
		t.Fatal(err, l.Damage)
	}
	return from, l
}

// known sums up a log and its read models. No event of it may be parked.
func (b *bundle) known(t *testing.T) goldenLog {
	t.Helper()
	states, err := b.p.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := goldenLog{Types: b.types(t), Rows: map[string]int64{}}
	slices.Sort(out.Types)
	for _, s := range states {
		if s.Parked > 0 {
			t.Errorf("%s has parked %d events", s.Name, s.Parked)
		}
		v, err := b.p.Verify(t.Context(), s.Name, nil)
		if err != nil || !v.Equal {
			t.Errorf("%+v, %v", v, err)
		}
		out.Rows[s.Name], out.Events = v.Rows, s.Seq
	}
	return out
}

func goldenIdentity(t *testing.T, folder string) string {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(folder, "test-identity"))
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}

// writeGoldenLog makes a golden log of this version.
func writeGoldenLog(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	b := setup(t)
	run(t, b.p)
	if err := projectionstest.New(42).Append(t.Context(), b.store, 2500); err != nil {
		t.Fatal(err)
	}
	last := b.caughtUp(t)
	to, err := archive.OpenDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	l, err := archive.OpenLog(t.Context(), to, b.store.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.PutKeys(t.Context(), last, archive.Keys{}, []age.Recipient{identity.Recipient()}); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), b.stored(t, last), time.Now()); err != nil {
		t.Fatal(err)
	}
	known, err := json.MarshalIndent(b.known(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"known.json": string(known) + "\n", "test-identity": identity.String()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// stored are the events of the log up to last, as they stand in it.
func (b *bundle) stored(t *testing.T, last uint64) []eventstore.Stored {
	t.Helper()
	var all []eventstore.Stored
	err := b.store.Tail(t.Context(), 0, eventstore.TailOptions{Name: t.Name(), Stored: true}, func(rs []eventstore.Record) error {
		for _, r := range rs {
			all = append(all, *r.Stored)
		}
		if all[len(all)-1].Seq >= last {
			return io.EOF
		}
		return nil
	})
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return all
}
