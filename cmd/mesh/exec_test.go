package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// recorder keeps what a program reports.
type recorder struct {
	mu       sync.Mutex
	lines    []string
	progress []string
	heard    chan string // every line and report, as it comes
}

func newRecorder() *recorder { return &recorder{heard: make(chan string, 100)} }

func (r *recorder) job(input string, env ...string) job {
	return job{
		input: []byte(input), env: env,
		log: func(line string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lines = append(r.lines, line)
			r.heard <- line
		},
		progress: func(percent int, message string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.progress = append(r.progress, fmt.Sprintf("%d:%s", percent, message))
			r.heard <- "progress"
		},
	}
}

func (r *recorder) log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func shell(script string) program {
	return program{argv: []string{"/bin/sh", "-c", script}, env: environ{"PATH=" + os.Getenv("PATH"), "MESH_TOKEN=secret"}, grace: killGrace}
}

func TestProgramResult(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, script, input, want string }{
		{"json passes", `cat`, `{"a":1}`, `{"a":1}`},
		{"text becomes a string", `echo 'two
lines'`, `null`, `"two\nlines"`},
		{"only the last newline goes", `printf 'a\n\n'`, `null`, `"a\n"`},
		{"nothing is null", `true`, `1`, `null`},
		{"two values are text", `echo 1; echo 2`, `null`, `"1\n2"`},
		{"input is no command", `cat`, "\"; id; $(id) `id` \\n&|>x\"", "\"; id; $(id) `id` \\n&|>x\""},
		{"environment", `printf '"%s"' "$MESH_TASK_ID"`, `null`, `"t-1"`},
		{"no token", `printf '"%s"' "$MESH_TOKEN"`, `null`, `""`},
		{"input unread", `exit 0`, `"` + strings.Repeat("x", 1<<20) + `"`, `null`},
		{"large input", `wc -c | tr -d ' '`, `"` + strings.Repeat("x", 1<<20) + `"`, strconv.Itoa(1<<20 + 2)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := shell(test.script).run(t.Context(), newRecorder().job(test.input, "MESH_TASK_ID=t-1"))
			if err != nil || string(got) != test.want {
				t.Errorf("got %.80s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestProgramFailure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script, want string
		permanent          bool
	}{
		{"exit code and last line", `echo one >&2; echo two >&2; echo >&2; exit 3`, "exit status 3: two", false},
		{"silent", `exit 1`, "exit status 1", false},
		{"permanent", `echo no use >&2; exit 100`, "exit status 100: no use", true},
		{"signal", `kill -9 $$`, "signal: killed", false},
		{"too much output", `head -c 9000000 /dev/zero; while :; do :; done`, "the result is over the limit of 8.0 MiB", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := shell(test.script).run(t.Context(), newRecorder().job("null"))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if isPermanent(err) != test.permanent {
				t.Errorf("permanent is %t, want %t", !test.permanent, test.permanent)
			}
		})
	}
	_, err := program{argv: []string{"/nonexistent"}}.run(t.Context(), newRecorder().job("null"))
	if !isPermanent(err) {
		t.Errorf("a program that cannot start: got %v, want a permanent error", err)
	}
}

// isPermanent recognises client.Permanent by the only sign that it gives
// outside its package.
func isPermanent(err error) bool { return strings.Contains(fmt.Sprintf("%T", err), "permanent") }

func TestProgramProgressAndLog(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	script := `echo first >&2; echo '::progress 40 half of it' >&2; echo '::progress 140 no' >&2; echo '::progress 100%' >&2; printf 'no newline' >&2`
	if _, err := shell(script).run(t.Context(), r.job("null")); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(r.progress, ","), "40:half of it,100:"; got != want {
		t.Errorf("progress %q, want %q", got, want)
	}
	if got, want := r.log(), "first\n::progress 140 no\nno newline"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

func TestCancelStopsTheGroup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		grace, min   time.Duration
	}{
		{"TERM is enough", `sleep 1000 & echo $! >&2; wait`, killGrace, 0},
		{"KILL when TERM is ignored", `trap '' TERM; sleep 1000 & echo $! >&2; wait; wait`, 200 * time.Millisecond, 200 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cause := errors.New("the task is cancelled")
			ctx, cancel := context.WithCancelCause(t.Context())
			r := newRecorder()
			p := shell(test.script)
			p.grace = test.grace
			ended := make(chan error, 1)
			go func() {
				_, err := p.run(ctx, r.job("null"))
				ended <- err
			}()
			grandchild := pidOf(t, <-r.heard)
			cancelled := time.Now()
			cancel(cause)
			if err := <-ended; !errors.Is(err, cause) {
				t.Errorf("got %v, want the cause", err)
			}
			if took := time.Since(cancelled); took < test.min || took > 4*time.Second {
				t.Errorf("took %s", took)
			}
			awaitGone(t, grandchild)
		})
	}
}

func TestLeftoversEndWithTheProgram(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	began := time.Now()
	got, err := shell(`sleep 1000 & echo $! >&2; echo '"done"'`).run(t.Context(), r.job("null"))
	if err != nil || string(got) != `"done"` {
		t.Errorf("got %s, %v", got, err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %s: waited for what was left running", took)
	}
	awaitGone(t, pidOf(t, <-r.heard))
}

// TestReaperEndsOrphans starts the real reaper, tells it about a group whose
// keeper then "dies" by closing the pipe, and one that was removed before.
func TestReaperEndsOrphans(t *testing.T) {
	t.Parallel()
	reap, err := startReaper(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	kept, removed := startGroup(t), startGroup(t)
	reap.add(kept)
	reap.add(removed)
	reap.remove(removed)
	reap.stop()
	awaitGone(t, kept)
	if err := syscall.Kill(removed, 0); err != nil {
		t.Errorf("the removed group was ended too: %v", err)
	}
	_ = syscall.Kill(removed, syscall.SIGKILL)
	awaitGone(t, removed)
}

// startGroup starts a process in a group of its own, outside this test's care.
func startGroup(t *testing.T) int {
	t.Helper()
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = p.Wait() }()
	return p.Pid
}

func pidOf(t *testing.T, line string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// awaitGone waits until a process is gone or a zombie.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(5 * time.Second)
	for {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("process %d is still there: %s", pid, stat)
		}
	}
}
