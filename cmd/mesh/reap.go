package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// reapCmd is the hidden "mesh reap": it reads "+PGID" and "-PGID" lines from
// stdin and, when that ends because the agent died, kills the process groups
// that are left. The kernel only kills a program's first process with its
// agent; this ends what that had started too.
type reapCmd struct{}

// Run returns when stdin ends.
func (cmd *reapCmd) Run(a *app) error { //nolint:unparam // the shape of every command
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // its end is that of stdin
	for group := range readGroups(a.stdin) {
		syscall.Kill(-group, syscall.SIGKILL) //nolint:errcheck // a group that is gone is as wanted
	}
	return nil
}

// readGroups returns the groups that were added and not removed.
func readGroups(r io.Reader) map[int]bool {
	groups := map[int]bool{}
	for s := bufio.NewScanner(r); s.Scan(); {
		line := s.Text()
		group, err := strconv.Atoi(strings.TrimLeft(line, "+-"))
		if err != nil || group <= 1 {
			continue
		}
		if strings.HasPrefix(line, "+") {
			groups[group] = true
		} else {
			delete(groups, group)
		}
	}
	return groups
}

// reaper is the other end: the process that outlives this one for a moment.
type reaper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startReaper starts "mesh reap" in a session of its own, so that what ends
// this process's group does not end it.
func startReaper(ctx context.Context, env environ) (*reaper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self)
	cmd.Args = []string{"mesh", "reap"}
	cmd.Env = env.without("MESH_TOKEN")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the reaper: %w", err)
	}
	return &reaper{cmd: cmd, pipe: pipe}, nil
}

// add puts a process group under the reaper's care. A nil reaper does nothing.
func (r *reaper) add(group int) { r.tell("+", group) }

// remove takes a process group out of the reaper's care.
func (r *reaper) remove(group int) { r.tell("-", group) }

func (r *reaper) tell(sign string, group int) {
	if r != nil {
		fmt.Fprintf(r.pipe, "%s%d\n", sign, group) // without a reaper the kernel's signal is left
	}
}

// stop ends the reaper.
func (r *reaper) stop() {
	if r != nil {
		r.pipe.Close()
		r.cmd.Wait() //nolint:errcheck // it has done its work
	}
}
