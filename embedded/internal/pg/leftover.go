package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopLeftover makes sure that no server runs on the data directory. One that
// outlived its mesh is stopped. A pid file that speaks of a dead process, or
// of another program that got its number since, is removed.
func (c *Cluster) stopLeftover(ctx context.Context) error {
	file := filepath.Join(c.data(), "postmaster.pid")
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read PostgreSQL's pid file: %w", err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil {
		if err := c.stopPostmaster(ctx, pid); err != nil {
			return err
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove PostgreSQL's stale pid file: %w", err)
	}
	return nil
}

// StopAt stops the server, if one runs, of the cluster in dir.
func StopAt(ctx context.Context, dir string) error {
	return (&Cluster{Dir: dir}).stopLeftover(ctx)
}

// stopPostmaster stops pid if it is a postmaster of this cluster: in order,
// and at once when that takes too long.
func (c *Cluster) stopPostmaster(ctx context.Context, pid int) error {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if !c.isPostmaster(pid) {
			return nil
		}
		if err := ignoreGone(syscall.Kill(pid, sig)); err != nil {
			return fmt.Errorf("stop the PostgreSQL server (process %d) left in %s: %w", pid, c.Dir, err)
		}
		for deadline := time.Now().Add(leftoverPatience); time.Now().Before(deadline); {
			if !c.isPostmaster(pid) {
				return nil
			}
			if !pause(ctx, stopPoll) {
				return ctx.Err()
			}
		}
	}
	return fmt.Errorf("the PostgreSQL server (process %d) left in %s does not stop", pid, c.Dir)
}

// isPostmaster reports whether pid runs on our data directory.
func (c *Cluster) isPostmaster(pid int) bool {
	joined := strings.Join(commandLine(pid), " ")
	return strings.Contains(joined, "postgres") && strings.Contains(joined+" ", " "+c.data()+" ")
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
