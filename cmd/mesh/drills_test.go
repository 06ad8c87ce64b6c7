package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// TestDrillsByItself: a mesh drills on its schedule, and one changed byte in
// its archive makes that fail, as an event and in the metrics.
func TestDrillsByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "archive")
	for _, folder := range []string{kept, filepath.Join(dir, "data")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "data", "config.json"), `{"archive": "`+kept+`", "archive_every": "100ms", "drill_every": "1s"}`)
	var said bytes.Buffer
	s := &stage{app: &app{stderr: &said, env: os.Environ()}, scratch: dir, live: &live{w: &said}}
	t.Cleanup(func() { s.stop(false) })
	if err := s.startMesh(t.Context()); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "mesh.log"))
		t.Fatalf("%v\n%s%s", err, said.String(), log)
	}
	token, err := readLine(filepath.Join(dir, "data", tokenFile))
	if err != nil {
		t.Fatal(err)
	}
	drills := func(typ string) bool {
		page, err := s.client.Events(t.Context(), client.ListOptions{Filter: "type:" + typ})
		return err == nil && len(page.Items) > 0
	}
	patiently(t, func() bool { return drills("drill.passed") })
	segments, err := filepath.Glob(filepath.Join(kept, "logs", "*", "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(segments[0], data, 0o600); err != nil { //nolint:gosec // in the test's own directory
		t.Fatal(err)
	}
	patiently(t, func() bool { // one that began before there was an archive may have failed, too
		page, err := s.client.Events(t.Context(), client.ListOptions{Filter: "type:drill.failed", Limit: 1})
		if err != nil || len(page.Items) == 0 {
			return false
		}
		failed, err := s.client.Event(t.Context(), page.Items[0].Seq)
		return err == nil && strings.Contains(string(failed.Data), filepath.Base(segments[0])+" is damaged")
	})
	patiently(t, func() bool { return strings.Contains(figuresOf(t, s.client.URL(), token), "\nmesh_drill_failed 1\n") })
	if text := figuresOf(t, s.client.URL(), token); strings.Contains(text, "\nmesh_drill_rto_seconds 0\n") {
		t.Error("the metrics do not tell how long the drill that passed took")
	}
}

// patiently waits as long as two drills may take on a busy machine.
func patiently(t *testing.T, ok func() bool) {
	t.Helper()
	limit, tick := time.After(2*time.Minute), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit:
			t.Fatal("waited in vain")
		case <-tick.C:
		}
	}
}

func figuresOf(t *testing.T, url, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
