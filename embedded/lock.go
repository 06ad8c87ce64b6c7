package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/internal/flock"
)

// ErrDirInUse is the sentinel for a data directory that another running
// server has open.
var ErrDirInUse = &domain.Error{Kind: domain.Conflict, Code: "data_dir_in_use", Message: "the data directory is in use"}

// lockDir makes the directory name in the data directory dir and takes its
// lock file, so that no second server opens the same files.
func lockDir(dir, name string) (string, *flock.Lock, error) {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", nil, fmt.Errorf("find the data directory: %w", err)
	}
	parent := filepath.Dir(path)
	if err := os.MkdirAll(filepath.Dir(parent), 0o755); err != nil {
		return "", nil, fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, fmt.Errorf("make the data directory: %w", err)
	}
	file := filepath.Join(path, "lock")
	l, err := flock.Try(file)
	if errors.Is(err, flock.ErrHeld) {
		return "", nil, ErrDirInUse.Sayf("%s is in use by another mesh (process %d): stop it, or choose another data directory",
			path, flock.Holder(file))
	}
	return path, l, err
}
