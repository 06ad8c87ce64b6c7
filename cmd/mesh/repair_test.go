package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hivemesh/hivemesh/client"
)

// TestRepair: a byte of the log's file is flipped while the mesh is stopped. The
// scrub names the event that is lost; the steps of docs/operations.md bring it
// back.
func TestRepair(t *testing.T) {
	t.Parallel()
	s, kept, data := archivingMesh(t)
	if err := s.startMesh(t.Context()); err != nil {
		t.Fatal(err)
	}
	var lost client.Receipt
	for i := range 20 {
		receipt, err := s.client.Submit(t.Context(), client.SubmitRequest{Capabilities: []string{"nobody"}, Input: fmt.Appendf(nil, `{"marker":"number %d."}`, i)})
		if err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			lost = receipt
		}
	}
	s.run(t, 0, "backup", "create")
	s.run(t, 0, "backup", "scrub")
	s.mesh.stop()
	s.client.Close()
	flip(t, data, []byte("number 10."))

	if err := s.startMesh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := s.run(t, exitFailed, "backup", "scrub"); !bytes.Contains(out, fmt.Appendf(nil, "%d missing in the log", sequenceOf(lost.Position))) {
		t.Errorf("event %d is not named:\n%s", sequenceOf(lost.Position), out)
	}
	later, err := s.client.Submit(t.Context(), client.SubmitRequest{Capabilities: []string{"nobody"}, Input: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "backup", "create")
	s.mesh.stop()
	s.client.Close()
	s.run(t, 0, "backup", "verify", "--from", kept)
	if err := os.Rename(filepath.Join(data, natsFolder), filepath.Join(data, "nats.damaged")); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0, "restore", "--from", kept)

	if err := s.startMesh(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.client.Close()
	for _, receipt := range []client.Receipt{lost, later} {
		e, err := s.client.Event(t.Context(), sequenceOf(receipt.Position))
		if err != nil || e.Entity != receipt.ID {
			t.Errorf("event %s: %+v, %v", receipt.Position, e, err)
		}
	}
	s.run(t, 0, "backup", "create")
	s.run(t, 0, "backup", "scrub")
}

// archivingMesh is a mesh that is not started yet, and archives at once.
func archivingMesh(t *testing.T) (s *stage, kept, data string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // a Postgres without root's rights must get through
		t.Fatal(err)
	}
	kept, data = filepath.Join(dir, "archive"), filepath.Join(dir, "data")
	for _, folder := range []string{kept, data} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(data, "config.json"), `{"archive": "`+kept+`", "archive_every": "100ms"}`)
	s = &stage{app: &app{stderr: io.Discard, env: os.Environ()}, scratch: dir, live: &live{w: io.Discard}}
	t.Cleanup(func() { s.stop(false) })
	return s, kept, data
}

// run runs mesh on the data directory, and wants an exit code.
func (s *stage) run(t *testing.T, code int, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "mesh", append(args, "--data", filepath.Join(s.scratch, "data"))...)
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		log, _ := os.ReadFile(filepath.Join(s.scratch, "mesh.log"))
		t.Fatalf("mesh %s: exit %d, want %d: %v\n%s\n%.3000s", args, got, code, err, out, log)
	}
	return out
}

// flip changes a byte in the middle of some data in a file of the log.
func flip(t *testing.T, dir string, data []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, natsFolder, "jetstream", "*", "streams", logStream, "msgs", "*.blk"))
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
			write(t, name, string(content))
			return
		}
	}
	t.Fatalf("not in %s", files)
}
