// Package flock locks files between processes. A lock ends with the process
// that holds it, however the process ends.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process, or another holder within this one, has
// the lock.
var ErrHeld = errors.New("lock is held")

const retryEvery = 50 * time.Millisecond

// Lock is a held lock.
type Lock struct{ file *os.File }

// Try takes the lock file at path, making it if need be, and writes the id of
// this process into it. It returns ErrHeld at once when it is taken.
func Try(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = writePID(f)
	}
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrHeld
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{file: f}, nil
}

// Wait takes the lock like Try, and waits for it until ctx ends.
func Wait(ctx context.Context, path string) (*Lock, error) {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		l, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}

// Release gives the lock back, also when a child that is just being started
// still has a copy of the file. The file stays: removing it would let two
// processes lock two files of one name.
func (l *Lock) Release() error {
	err := unix.Flock(int(l.file.Fd()), unix.LOCK_UN)
	if errors.Is(err, unix.EBADF) { // released before
		err = nil
	}
	return errors.Join(err, l.file.Close())
}

// Holder returns the id of the process that last took the lock at path, or 0
// when it is not known.
func Holder(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
