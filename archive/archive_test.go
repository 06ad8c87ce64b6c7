package archive_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/eventstore"
)

const logID = "01a20a63-39bf-7465-b0b7-7e2bbb272278"

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openLog(t *testing.T, d archive.Target) *archive.Log {
	t.Helper()
	l, err := archive.OpenLog(t.Context(), d, logID)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// events are n events from a sequence on.
func events(from uint64, n int) []eventstore.Stored {
	var all []eventstore.Stored
	for i := range uint64(n) {
		all = append(all, eventstore.Stored{
			Seq: from + i, Subject: fmt.Sprintf("ev.acme.task.%d", i), Header: []byte("NATS/1.0\r\nce-id: 1\r\n\r\n"),
			Data: fmt.Appendf(nil, `{"n":%d}`, from+i), At: day.Add(time.Duration(from+i) * time.Second),
		})
	}
	return all
}

// filled is an archive in a directory: see fill.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	fill(t, archivetest.Dir(t, dir))
	return dir
}

// fill archives three segments with a hole, an artifact, and keys.
func fill(t *testing.T, to archive.Target) (id *age.X25519Identity) {
	t.Helper()
	l := openLog(t, to)
	for _, part := range [][]eventstore.Stored{events(1, 5), events(8, 3), events(11, 1)} {
		if err := l.Append(t.Context(), part, day); err != nil {
			t.Fatal(err)
		}
	}
	a := archive.Artifact{Tenant: "acme", Digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", MediaType: "text/plain", Data: []byte("hello")}
	if err := errors.Join(archive.PutArtifact(t.Context(), to, a), archive.PutArtifact(t.Context(), to, a)); err != nil {
		t.Fatal(err)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for seq, secret := range map[uint64]string{5: "early", 10: "later"} {
		if err := l.PutKeys(t.Context(), seq, archive.Keys{"seal": []byte(secret)}, []age.Recipient{id.Recipient()}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func TestWhatIsArchivedIsReadBack(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testReadBack)
}

func testReadBack(t *testing.T, d archive.Target) {
	id := fill(t, d)
	l := openLog(t, d)
	var got []eventstore.Stored
	for _, s := range l.Seals {
		part, err := l.Segment(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	want := append(append(events(1, 5), events(8, 3)...), events(11, 1)...)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-archived +read)\n%s", diff)
	}
	for seq, secret := range map[uint64]string{1: "early", 5: "early", 6: "later", 10: "later", 11: "later"} {
		keys, err := l.Keys(t.Context(), seq, id)
		if err != nil || string(keys["seal"]) != secret {
			t.Errorf("keys for %d: %s, %v", seq, keys["seal"], err)
		}
	}
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range [][]age.Identity{nil, {stranger}} {
		if _, err := l.Keys(t.Context(), 1, ids...); !errors.Is(err, archive.ErrNoIdentity) {
			t.Errorf("%d wrong identities: %v", len(ids), err)
		}
	}
	r, err := l.Verify(t.Context(), nil)
	if diff := cmp.Diff(archive.Report{Log: logID, Intact: 11, Segments: 3, Events: 9, Bytes: r.Bytes, Artifacts: 1, Keys: 2}, r); diff != "" || err != nil {
		t.Errorf("%s%v", diff, err)
	}
	if ids, err := archive.Logs(t.Context(), d); err != nil || len(ids) != 1 || ids[0] != logID {
		t.Errorf("logs %v, %v", ids, err)
	}
}

// TestEveryDamageIsFound: a bit turned in any byte of any file, a file cut
// short, emptied or removed, is found, and named.
func TestEveryDamageIsFound(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	var files []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil || len(files) != 9 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, name, whole[:len(whole)-1])
		wantDamage(t, dir, name, "cut short")
		rewrite(t, name, nil)
		wantDamage(t, dir, name, "emptied")
		for i := range whole {
			whole[i] ^= 1 << (i % 8)
			rewrite(t, name, whole)
			wantDamage(t, dir, name, fmt.Sprintf("byte %d", i))
			whole[i] ^= 1 << (i % 8)
		}
		rewrite(t, name, whole)
	}
	if r, err := openLog(t, archivetest.Dir(t, dir)).Verify(t.Context(), nil); err != nil || len(r.Damage) > 0 {
		t.Errorf("nothing is damaged any more: %v, %v", r.Damage, err)
	}
}

func rewrite(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantDamage(t *testing.T, dir, name, how string) {
	t.Helper()
	d, err := archive.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := openLog(t, d).Verify(t.Context(), nil)
	if err != nil || len(r.Damage) != 1 || !strings.HasSuffix(name, r.Damage[0].File) {
		t.Errorf("%s of %s: %v, %v", how, filepath.Base(name), r.Damage, err)
	}
}

// TestMissingFiles: what is gone from the middle is found; the log is intact
// before it.
func TestMissingFiles(t *testing.T) {
	t.Parallel()
	for pattern, intact := range map[string]uint64{"*00001.json": 0, "*00008.json": 5, "*00008-*.seg": 5, "*00001-*.seg": 0} {
		dir := filled(t)
		names, err := filepath.Glob(filepath.Join(dir, "logs", logID, pattern))
		if err != nil || len(names) != 1 {
			t.Fatal(pattern, names, err)
		}
		if err := os.Remove(names[0]); err != nil {
			t.Fatal(err)
		}
		l := openLog(t, archivetest.Dir(t, dir))
		r, err := l.Verify(t.Context(), nil)
		if err != nil || len(r.Damage) != 1 || r.Intact != intact || r.Damage[0].Seq != intact+1 && r.Damage[0].Seq != 8 {
			t.Errorf("%s: intact up to %d, %v, %v", pattern, r.Intact, r.Damage, err)
		}
	}
}

// TestASealOfAnotherLog is not taken for one of this log, wherever it is put.
func TestASealOfAnotherLog(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	other := filepath.Join(dir, "logs", "01a20a63-425d-7507-bd77-fd46dc6bf8e2")
	if err := os.CopyFS(other, os.DirFS(filepath.Join(dir, "logs", logID))); err != nil {
		t.Fatal(err)
	}
	l, err := archive.OpenLog(t.Context(), archivetest.Dir(t, dir), filepath.Base(other))
	if err != nil || l.Damage == nil || len(l.Seals) > 0 {
		t.Errorf("%d seals, %v, %v", len(l.Seals), l.Damage, err)
	}
}

// TestTwoWriters: of two that archive the same range one is told that it came
// second, and the chain stays whole.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, testTwoWriters)
}

func testTwoWriters(t *testing.T, d archive.Target) {
	fill(t, d)
	one, two := openLog(t, d), openLog(t, d)
	if err := one.Append(t.Context(), events(12, 2), day); err != nil {
		t.Fatal(err)
	}
	if err := two.Append(t.Context(), events(12, 3), day); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second writer: %v", err)
	}
	again := openLog(t, d)
	if err := again.Append(t.Context(), events(14, 1), day); err != nil || again.Damage != nil || again.End().Last != 14 {
		t.Errorf("%v, %v", err, again.Damage)
	}
}

// TestLeftovers: what a writer that was cut off left is no part of the archive.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	rewrite(t, filepath.Join(dir, "logs", logID, ".part-1"), []byte("half a sea"))
	rewrite(t, filepath.Join(dir, "logs", logID, "00000000000000000012-0123456789abcdef.seg"), []byte("not sealed"))
	l := openLog(t, archivetest.Dir(t, dir))
	r, err := l.Verify(t.Context(), nil)
	if err != nil || len(r.Damage) > 0 || r.Intact != 11 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := l.Append(t.Context(), events(12, 1), day); err != nil {
		t.Error(err)
	}
}

// TestNamesStayWithinTheTarget: an artifact cannot be named out of it.
func TestNamesStayWithinTheTarget(t *testing.T) {
	t.Parallel()
	d := archivetest.Dir(t, t.TempDir())
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, a := range []archive.Artifact{{Tenant: "..", Digest: digest}, {Tenant: "a/../../b", Digest: digest}, {Tenant: "", Digest: digest}, {Tenant: "a", Digest: "sha256:../../x"}, {Tenant: "a", Digest: "x"}} {
		if archive.PutArtifact(t.Context(), d, a) == nil {
			t.Errorf("%+v was kept", a)
		}
	}
	if err := d.Put(t.Context(), "../out", nil); err == nil {
		t.Error("a file was made outside")
	}
	if _, err := archive.OpenLog(t.Context(), d, "../.."); err == nil {
		t.Error("a log outside was opened")
	}
}

func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	d, err := archive.OpenDir(dir)
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	l, err := archive.OpenLog(f.Context(), d, logID)
	if err != nil {
		f.Fatal(err)
	}
	if err := l.Append(f.Context(), events(1, 3), day); err != nil {
		f.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "logs", logID, "*.seg"))
	if err != nil || len(names) != 1 {
		f.Fatal(names, err)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("NATSARC1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := archive.Decode(data)
		if err == nil && len(data) == 0 && len(events) > 0 {
			t.Error("events out of nothing")
		}
	})
}
