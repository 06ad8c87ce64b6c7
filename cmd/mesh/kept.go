package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hivemesh/hivemesh/internal/flock"
)

// kept is a JSON file in the user's configuration folder that only the user
// may read. Processes that change it take turns.
type kept[T any] struct{ path string }

// configDir is where the command line keeps what belongs to its user.
func configDir(env environ) string {
	dir := env.get("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(env.get("HOME"), ".config")
	}
	return filepath.Join(dir, "hivemesh")
}

// read returns the content, the zero value when there is no file.
func (k kept[T]) read() (T, error) {
	var all T
	data, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return all, fmt.Errorf("read %s: %w", k.path, err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return all, &failure{Exit: exitFailed, Code: "bad_file", Message: k.path + " is damaged", Hint: "remove it, and log in or add the contexts again"}
	}
	return all, nil
}

// change replaces the content by what do makes of it, one process at a time.
func (k kept[T]) change(ctx context.Context, do func(*T) error) error {
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return fmt.Errorf("make the configuration folder: %w", err)
	}
	lock, err := flock.Wait(ctx, k.path+".lock")
	if err != nil {
		return fmt.Errorf("change %s: %w", k.path, err)
	}
	defer lock.Release() //nolint:errcheck // it ends with the process
	all, err := k.read()
	if err != nil {
		return err
	}
	if err := do(&all); err != nil {
		return err
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("change %s: %w", k.path, err)
	}
	next := k.path + ".next"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("change %s: %w", k.path, err)
	}
	return os.Rename(next, k.path)
}
