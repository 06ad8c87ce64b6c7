package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Dir is a Target in the file system.
type Dir struct {
	root *os.Root
}

// OpenDir opens a target; the directory must exist. What is named within it
// never leads out of it.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	return &Dir{root: root}, nil
}

// Close releases the directory. There is nothing that could fail and matter:
// what was put is durable.
func (d *Dir) Close() { _ = d.root.Close() }

// Put makes the file name with data, whole and synced, or not at all. It fails
// with fs.ErrExist where there is one.
func (d *Dir) Put(ctx context.Context, name string, data []byte) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	folder := path.Dir(name)
	if err := d.root.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	temporary := path.Join(folder, temporaryPrefix+uuid.NewString())
	defer func() { err = errors.Join(err, ignoreMissing(d.root.Remove(temporary))) }()
	if err := d.write(temporary, data); err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	if err := d.root.Link(temporary, name); err != nil { // unlike a rename it replaces nothing
		return fmt.Errorf("archive %s: %w", name, err)
	}
	return d.syncFolder(folder)
}

// temporaryPrefix begins the names of files that are not whole yet.
const temporaryPrefix = ".part-"

func (d *Dir) write(name string, data []byte) error {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes the names in a folder, and in those above it, durable.
func (d *Dir) syncFolder(folder string) error {
	for {
		f, err := d.root.Open(folder)
		if err != nil {
			return fmt.Errorf("sync %s of the archive: %w", folder, err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("sync %s of the archive: %w", folder, err)
		}
		if folder == "." {
			return nil
		}
		folder = path.Dir(folder)
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Get returns the content of a file of at most limit bytes, or an error that
// wraps fs.ErrNotExist.
func (d *Dir) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s of the archive: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s of the archive: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s of the archive is larger than %d bytes", name, limit)
	}
	return data, nil
}

// Has reports whether there is a file of the name.
func (d *Dir) Has(ctx context.Context, name string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	_, err := d.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns the names in a folder, in order; none when there is no folder.
func (d *Dir) List(ctx context.Context, folder string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s of the archive: %w", folder, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list %s of the archive: %w", folder, err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, temporaryPrefix) })
	slices.Sort(names)
	return names, nil
}
