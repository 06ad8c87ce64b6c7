package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
)

var (
	errTooLarge = errors.New("too large") // more than the caller takes
	errBroken   = errors.New("the content broke off")
)

// Get returns the content of a file of at most limit bytes. It fails with
// fs.ErrNotExist where there is none, with archive.ErrUnavailable where the store
// does not give it, with ctx's error, and when the file is larger.
func (b *Bucket) Get(ctx context.Context, name string, limit int64) ([]byte, error) {
	key, err := b.key(name)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		data, err := b.receive(ctx, key, limit)
		if errors.Is(err, errTooLarge) {
			return nil, fmt.Errorf("%s of the archive is larger than %d bytes", name, limit)
		}
		if errors.Is(err, errBroken) && try < tries {
			continue
		}
		return data, b.failed(ctx, "read "+name+" of the archive", err)
	}
}

// receive is one request, with the repetitions up to its answer.
func (b *Bucket) receive(ctx context.Context, key string, limit int64) ([]byte, error) {
	within, w, stop := b.watched(ctx)
	defer stop()
	body, info, _, err := b.core.GetObject(within, b.cfg.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, cause(within, err)
	}
	defer body.Close()
	if info.Size > limit {
		return nil, errTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(watchedReader{body, w}, limit+1))
	switch {
	case err != nil && within.Err() == nil:
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	case err != nil:
		return nil, cause(within, err)
	case int64(len(data)) > limit:
		return nil, errTooLarge
	}
	return data, nil
}

// Has reports whether there is a file of the name. It fails with
// archive.ErrUnavailable where the store does not say, and with ctx's error.
func (b *Bucket) Has(ctx context.Context, name string) (bool, error) {
	key, err := b.key(name)
	if err != nil {
		return false, err
	}
	within, _, stop := b.watched(ctx)
	defer stop()
	_, err = b.core.StatObject(within, b.cfg.Bucket, key, minio.StatObjectOptions{})
	err = b.failed(ctx, "look for "+name+" in the archive", cause(within, err))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns the names of files and folders in a folder, in order; none when
// there is no folder. It fails with archive.ErrUnavailable where the store does
// not say, and with ctx's error.
func (b *Bucket) List(ctx context.Context, folder string) ([]string, error) {
	if !fs.ValidPath(folder) {
		return nil, fmt.Errorf("%.64q is no folder in an archive", folder)
	}
	prefix := path.Join(b.cfg.Prefix, folder) + "/"
	if prefix == "./" {
		prefix = ""
	}
	within, w, stop := b.watched(ctx)
	defer stop()
	var names []string
	for object := range b.core.ListObjectsIter(within, b.cfg.Bucket, minio.ListObjectsOptions{Prefix: prefix}) {
		if object.Err != nil {
			return nil, b.failed(ctx, "list "+folder+" of the archive", cause(within, object.Err))
		}
		w.moved()
		if name := strings.TrimSuffix(strings.TrimPrefix(object.Key, prefix), "/"); name != "" {
			names = append(names, name)
		}
	}
	if err := within.Err(); err != nil { // the iterator may just end
		return nil, b.failed(ctx, "list "+folder+" of the archive", cause(within, err))
	}
	slices.Sort(names)
	return names, nil
}
