package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	"github.com/hivemesh/hivemesh/archive"
)

const (
	proof      = "conditional-writes" // the object on which they are proved
	proofText  = "This object shows that the store replaces nothing when it is told not to.\n"
	markHeader = "Put" // of an object: whose put it was
)

var errReplaces = fmt.Errorf("%w: the store replaces objects in spite of If-None-Match: *, so that nodes could overwrite what others have archived: use one that knows conditional writes", archive.ErrUnavailable)

// Put makes the object of a file, or fails with fs.ErrExist where there is one,
// with archive.ErrUnavailable where the store does not take it, and with ctx's
// error. After any other error than fs.ErrExist the object may be there or not.
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	if _, err := b.key(name); err != nil {
		return err
	}
	if err := b.prove(ctx); err != nil {
		return err
	}
	return b.put(ctx, name, data)
}

// prove makes sure, once, that the store replaces nothing.
func (b *Bucket) prove(ctx context.Context) error {
	select {
	case b.proving <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("archive in %s: %w", b.cfg.address(), ctx.Err())
	}
	defer func() { <-b.proving }()
	for range 2 { // the first may be the first ever
		if b.proved {
			return nil
		}
		err := b.put(ctx, proof, []byte(proofText))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		b.proved = errors.Is(err, fs.ErrExist)
	}
	if !b.proved {
		return fmt.Errorf("archive in %s: %w", b.cfg.address(), errReplaces)
	}
	return nil
}

func (b *Bucket) put(ctx context.Context, name string, data []byte) error {
	what := "archive " + name
	key, err := b.key(name)
	if err != nil {
		return err
	}
	mark := uuid.NewString()
	for try := 1; ; try++ {
		err = b.send(ctx, key, data, mark)
		if !is(err, "ConditionalRequestConflict") || try == tries { // another put of it has not ended yet
			break
		}
	}
	err = b.failed(ctx, what, err)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if ours, unknown := b.made(ctx, key, mark); ours || unknown != nil {
		return b.failed(ctx, what, unknown)
	}
	return err
}

// send is one request, with its repetitions.
func (b *Bucket) send(ctx context.Context, key string, data []byte, mark string) error {
	within, w, stop := b.watched(ctx)
	defer stop()
	opts := minio.PutObjectOptions{
		SendContentMd5: true, DisableMultipart: true, Progress: w,
		DisableContentSha256: true, // signed in pieces, over plain HTTP, has a data race in the client
		UserMetadata:         map[string]string{markHeader: mark},
	}
	opts.SetMatchETagExcept("*")
	if b.cfg.Lock > 0 {
		opts.Mode, opts.RetainUntilDate = minio.Governance, b.cfg.Now().Add(b.cfg.Lock).UTC()
	}
	_, err := b.core.Client.PutObject(within, b.cfg.Bucket, key, bytes.NewReader(data), int64(len(data)), opts)
	return cause(within, err)
}

// made reports whether an object is of the put with the mark.
func (b *Bucket) made(ctx context.Context, key, mark string) (bool, error) {
	within, _, stop := b.watched(ctx)
	defer stop()
	info, err := b.core.StatObject(within, b.cfg.Bucket, key, minio.StatObjectOptions{})
	return err == nil && info.UserMetadata[markHeader] == mark, cause(within, err)
}
