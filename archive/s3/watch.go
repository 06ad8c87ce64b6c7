package s3

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("nothing came for too long")

// watch ends a request, with its repetitions, when nothing moves. It is an
// io.Reader to be told of what is sent.
type watch struct {
	timer   *time.Timer
	timeout time.Duration
}

// watched returns a context that ends with ctx, with stop, or with errStalled
// as its cause.
func (b *Bucket) watched(ctx context.Context) (within context.Context, w *watch, stop func()) {
	within, cancel := context.WithCancelCause(ctx)
	w = &watch{timer: time.AfterFunc(b.cfg.Timeout, func() { cancel(errStalled) }), timeout: b.cfg.Timeout}
	return within, w, func() { w.timer.Stop(); cancel(nil) }
}

// moved puts the end off.
func (w *watch) moved() { w.timer.Reset(w.timeout) }

// Read is called with what was sent.
func (w *watch) Read(p []byte) (int, error) {
	w.moved()
	return len(p), nil
}

// watchedReader tells a watch of what is received.
type watchedReader struct {
	io.Reader
	w *watch
}

// Read reads on, and tells of it.
func (r watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.w.moved()
	}
	return n, err
}
