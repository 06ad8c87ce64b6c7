package archive

import (
	"context"
	"errors"
)

// Target is where an archive is kept: files by name, none of which is ever
// changed. A name is a path with slashes, relative and clean. An error of a
// Target that is fs.ErrExist, fs.ErrNotExist, ErrUnavailable or that of ctx
// wraps it; all of its methods can be called at the same time.
type Target interface {
	// Put makes the file name with data, at least a byte, durable and whole or
	// not at all. It fails with fs.ErrExist where there is one: of several that put the same
	// name exactly one is told that it did.
	Put(ctx context.Context, name string, data []byte) error
	// Get returns the content of a file of at most limit bytes. It fails with
	// fs.ErrNotExist where there is none, and when the file is larger.
	Get(ctx context.Context, name string, limit int64) ([]byte, error)
	// Has reports whether there is a file of the name.
	Has(ctx context.Context, name string) (bool, error)
	// List returns the names of files and folders in a folder, in order; none
	// when there is no folder.
	List(ctx context.Context, folder string) ([]string, error)
	// Close releases what the target holds on this side. There is nothing that
	// could fail and matter: what was put is durable.
	Close()
}

// ErrUnavailable says that a target did not answer, or would not: what it holds
// is not known then, so nothing counts as missing or damaged.
var ErrUnavailable = errors.New("the archive is not available")
