package archiver_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/embedded"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers/archiver"
)

// scrub compares all of the log, in slices as small as can be.
func scrub(t *testing.T, a *archiver.Archiver) (all archiver.Scrubbed) {
	t.Helper()
	eventually(t, func() bool { return a.State().Archived > 0 })
	for {
		s, err := a.Scrub(t.Context(), archiver.Slice{After: all.UpTo, Rate: 1_000_000, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		all.UpTo, all.End, all.Events, all.Found = s.UpTo, s.End, all.Events+s.Events, all.Found+s.Found
		all.Differences = append(all.Differences, s.Differences...)
		if s.UpTo >= s.End {
			return all
		}
	}
}

// TestScrub: an intact log is told intact; what the archive has and the log has
// not, the other way round, and each part that differs is told by its sequence.
func TestScrub(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testScrub)
}

func testScrub(t *testing.T, target archive.Target) {
	r := newRig(t, target)
	if _, err := archiver.New(archiver.Config{Store: r.store, Target: target}).Scrub(t.Context(), archiver.Slice{}); err == nil {
		t.Error("a scrub without an open archive")
	}
	last := r.append(t, 700)
	events, err := r.store.Scan(t.Context(), 1, last)
	if err != nil || len(events) != 2100 {
		t.Fatal(len(events), err)
	}
	l, err := archive.OpenLog(t.Context(), target, r.store.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*eventstore.Stored{&events[1], &events[299], &events[1500]} {
		e.Data = append(bytes.Clone(e.Data), ' ')
	}
	events[4].At = events[4].At.Add(1)
	events[5].Subject += "x"
	events[6].Header = nil
	extra := events[2099]
	extra.Seq++
	holed := append(append(append([]eventstore.Stored{}, events[:1200]...), events[1203:]...), extra)
	for _, part := range [][]eventstore.Stored{holed[:300], holed[300:1100], holed[1100:]} {
		if err := l.Append(t.Context(), part, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := r.start(t, time.Hour)
	got := scrub(t, a)
	want := []archive.Difference{
		{Seq: 2, Kind: archive.Differs, Detail: "data"},
		{Seq: 5, Kind: archive.Differs, Detail: "time"},
		{Seq: 6, Kind: archive.Differs, Detail: "subject"},
		{Seq: 7, Kind: archive.Differs, Detail: "headers"},
		{Seq: 300, Kind: archive.Differs, Detail: "data"},
		{Seq: 1201, Kind: archive.MissingInArchive},
		{Seq: 1202, Kind: archive.MissingInArchive},
		{Seq: 1203, Kind: archive.MissingInArchive},
		{Seq: 1501, Kind: archive.Differs, Detail: "data"},
		{Seq: 2101, Kind: archive.MissingInLog, Detail: extra.Subject},
	}
	if diff := cmp.Diff(want, got.Differences); diff != "" || got.Events != 2098 || got.Found != 10 {
		t.Errorf("%d events, %d found (-want +got)\n%s", got.Events, got.Found, diff)
	}
}

// TestScrubIntact: what the archiver has shipped is what the log holds, as both
// ways of reading it tell.
func TestScrubIntact(t *testing.T) {
	t.Parallel()
	r := newRig(t, archivetest.Dir(t, t.TempDir()))
	a, _ := r.start(t, time.Hour)
	r.flush(t, a, r.append(t, 300))
	r.flush(t, a, r.append(t, 300))
	if got := scrub(t, a); got.Found > 0 || got.Events != 1800 || got.End != 1800 {
		t.Errorf("%+v", got)
	}
	e, err := r.store.FindStored(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if scanned, err := r.store.Scan(t.Context(), 1000, 1000); err != nil || cmp.Diff([]eventstore.Stored{e}, scanned) != "" {
		t.Errorf("%v, %v; alone: %v", scanned, err, e)
	}
}

// TestScrubDamagedFile: a byte of the log's file is flipped while nothing runs.
// The server leaves the event out, and the scrub names it.
func TestScrubDamagedFile(t *testing.T) {
	t.Parallel()
	dir, target := t.TempDir(), archivetest.Dir(t, t.TempDir())
	var bad eventstore.Stored
	served(t, dir, target, func(r *rig) {
		a, stop := r.start(t, time.Hour)
		r.flush(t, a, r.append(t, 400))
		stop()
		var err error
		if bad, err = r.store.FindStored(t.Context(), 499); err != nil {
			t.Fatal(err)
		}
	})
	flip(t, dir, bad.Data)
	served(t, dir, target, func(r *rig) {
		a, stop := r.start(t, time.Hour)
		defer stop()
		got := scrub(t, a)
		if diff := cmp.Diff([]archive.Difference{{Seq: bad.Seq, Kind: archive.MissingInLog, Detail: bad.Subject}}, got.Differences); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// served runs do with a log in dir, and stops the server.
func served(t *testing.T, dir string, target archive.Target, do func(*rig)) {
	t.Helper()
	n, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir, NoListen: true, Log: zerolog.New(io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := n.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := rigOn(t, nc, target)
	do(r)
	if err := r.store.Close(context.Background()); err != nil {
		t.Error(err)
	}
	nc.Close()
	if err := n.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// flip changes a byte in the middle of some data in a file of the log.
func flip(t *testing.T, dir string, data []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", "EVENTS", "msgs", "*.blk"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(content, data); at >= 0 {
			content[at+len(data)/2] ^= 1
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("not in %s", files)
}
