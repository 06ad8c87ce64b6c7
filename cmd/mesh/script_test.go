package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/archive/s3"
)

// patience bounds every wait of a script.
const patience = 30 * time.Second

// TestScripts runs testdata/script/*.txtar against one mesh that all share.
// Beside the usual commands a script has:
//
//	exits CODE PROGRAM ARGS…    run, and want this exit code
//	await REGEXP PROGRAM ARGS…  run again and again until stdout matches
//	capture NAME                keep the last stdout, trimmed, in a variable
func TestScripts(t *testing.T) {
	var said bytes.Buffer
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	// One breached password is known: "tarantella otter 42".
	list := filepath.Join(dir, "breached")
	kept := filepath.Join(dir, "archive")
	for _, folder := range []string{list, kept, filepath.Join(dir, "data")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(list, "00000.txt"), "")
	sum := strings.ToUpper(fmt.Sprintf("%x", sha1.Sum([]byte("tarantella otter 42"))))
	write(t, filepath.Join(list, sum[:5]+".txt"), sum[5:]+":3\r\n")
	write(t, filepath.Join(dir, "data", "config.json"), `{"breached_passwords": "`+list+`", "archive": "`+kept+`"}`)
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
	bucket := archivetest.S3(t, nil)
	// The scripts run in parallel: a group, so that the mesh outlives them.
	t.Run("script", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir: filepath.Join("testdata", "script"),
			Setup: func(e *testscript.Env) error {
				e.Setenv("MESH_URL", s.client.URL())
				e.Setenv("MESH_TOKEN", token)
				e.Setenv("MESH_DATA", filepath.Join(e.WorkDir, "data"))
				e.Setenv("MESHDATA", filepath.Join(dir, "data"))
				e.Setenv("BUCKET", s3.Scheme+bucket.Bucket+"/mesh?endpoint=http://"+bucket.Endpoint)
				e.Setenv("NOBUCKET", s3.Scheme+"nowhere?endpoint=http://"+bucket.Endpoint)
				e.Setenv("HOME", os.Getenv("HOME"))
				e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
				e.Setenv("TMPDIR", dir)
				return nil
			},
			Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
				"exits": scriptExits, "await": scriptAwait, "capture": scriptCapture,
			},
		})
	})
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await REGEXP PROGRAM ARGS…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("stdout never matched %s: %v\n%s%s", pattern, err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
	}
}

// scriptCapture keeps what was written, or the part of it that a pattern's
// group matches, in a variable.
func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: capture NAME [REGEXP]")
	}
	got := ts.ReadFile("stdout")
	if len(args) == 2 {
		pattern, err := regexp.Compile(args[1])
		ts.Check(err)
		found := pattern.FindStringSubmatch(got)
		if len(found) != 2 {
			ts.Fatalf("%q has no group that matches in\n%s", args[1], got)
		}
		got = found[1]
	}
	ts.Setenv(args[0], strings.TrimSpace(got))
}
