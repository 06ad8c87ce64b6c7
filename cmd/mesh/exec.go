package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// How a program is ended, and what it says with its exit code; the topic
// agent-programs tells users.
const (
	exitPermanent = 100
	killGrace     = 5 * time.Second // between SIGTERM and SIGKILL
	pipeGrace     = 2 * time.Second // for output after the program's end
)

// program is what "mesh agent run" starts for every task.
type program struct {
	argv  []string
	env   environ
	grace time.Duration
	reap  *reaper // ends the programs when this process dies; may be nil
}

// job is one run of a program.
type job struct {
	input    []byte
	env      []string                          // further environment
	progress func(percent int, message string) // must not block
	log      func(line string)
}

// run starts the program in a process group of its own, gives it the input,
// waits for its end and returns its result. It fails with a permanent error
// (client.Permanent) when the program said so, could not be started, or wrote
// too much; and with the cause of ctx when that ended it.
func (p program) run(ctx context.Context, j job) (json.RawMessage, error) {
	// The kernel kills the program when the thread that started it ends, so
	// the thread is kept until the program's end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	stdout, stderr := &capped{limit: maxInput}, &logWriter{progress: j.progress, log: j.log}
	err := p.wait(ctx, j, stdout, stderr)
	stderr.flush()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("stopped: %w", context.Cause(ctx))
	case stdout.over:
		return nil, client.Permanent(fmt.Errorf("the result is over the limit of %s", bytesText(maxInput)))
	case err != nil:
		return nil, exitCause(err, stderr.last)
	}
	return asResult(stdout.buf.Bytes()), nil
}

// wait runs the program to its end and copies its output.
func (p program) wait(ctx context.Context, j job, stdout *capped, stderr *logWriter) error {
	out, err := newOutlet(stdout)
	if err != nil {
		return err
	}
	defer out.close()
	logs, err := newOutlet(stderr)
	if err != nil {
		return err
	}
	defer logs.close()

	cmd := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(j.input), out.w, logs.w
	cmd.Env = append(p.env.without("MESH_TOKEN"), j.env...)
	cmd.SysProcAttr = ownGroup(syscall.SIGKILL)
	cmd.WaitDelay = p.grace
	cmd.Cancel = func() error { return signalGroup(cmd.Process.Pid, syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return client.Permanent(fmt.Errorf("start %s: %w", p.argv[0], err))
	}
	group := cmd.Process.Pid
	p.reap.add(group)
	stdout.full = func() { signalGroup(group, syscall.SIGKILL) } //nolint:errcheck // gone is as wanted
	out.start()
	logs.start()
	err = cmd.Wait()
	if ctx.Err() != nil {
		awaitGroup(group, p.grace)
	}
	signalGroup(group, syscall.SIGKILL) //nolint:errcheck // what the program left running; gone is as wanted
	p.reap.remove(group)
	out.finish()
	logs.finish()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it ended well without reading its input
	}
	return err
}

// exitCause says why a program failed: how it ended, and the last line of its
// stderr.
func exitCause(err error, last string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if last != "" {
		err = fmt.Errorf("%w: %s", exit, oneLine(last, 500))
	}
	if exit.ExitCode() == exitPermanent {
		return client.Permanent(err)
	}
	return err
}

// asResult returns output that is JSON as it is, and any other as a JSON
// string without its last newline; null for none.
func asResult(output []byte) json.RawMessage {
	trimmed := bytes.TrimSpace(output)
	switch {
	case len(trimmed) == 0:
		return json.RawMessage("null")
	case json.Valid(trimmed):
		return trimmed
	}
	s, err := json.Marshal(strings.TrimSuffix(string(output), "\n"))
	if err != nil {
		return json.RawMessage("null") // cannot be: a string always encodes
	}
	return s
}

// signalGroup signals a process group. A group that is gone is os.ErrProcessDone.
func signalGroup(group int, sig syscall.Signal) error {
	err := syscall.Kill(-group, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// awaitGroup gives what is left of a process group time to end.
func awaitGroup(group int, limit time.Duration) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for signalGroup(group, 0) == nil {
		select {
		case <-end:
			return
		case <-tick.C:
		}
	}
}
