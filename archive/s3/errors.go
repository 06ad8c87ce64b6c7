package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/hivemesh/hivemesh/archive"
)

// is reports whether the store has answered with a code.
func is(err error, code string) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.Code == code
}

// cause returns why a request failed: a watch's reason before what it made of
// the request.
func cause(within context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(within), errStalled) {
		return errStalled
	}
	return err
}

// failed says what could not be done, and why.
func (b *Bucket) failed(ctx context.Context, what string, err error) error {
	var answer minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case errors.Is(err, errStalled):
		return b.unavailable(what, fmt.Sprintf("nothing came from %s for %v", b.cfg.Endpoint, b.cfg.Timeout))
	case errors.As(err, &answer) && answer.StatusCode != 0:
		return b.refused(what, answer)
	}
	return b.unavailable(what, err.Error())
}

// refused says what the store's answer means.
func (b *Bucket) refused(what string, answer minio.ErrorResponse) error {
	said := fmt.Sprintf("%s (%d)", code(answer.Code), answer.StatusCode)
	switch {
	case answer.Code == minio.NoSuchBucket:
		return b.unavailable(what, "there is no such bucket: make it first, or correct the address")
	case answer.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	case answer.StatusCode == http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", what, fs.ErrExist)
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return b.unavailable(what, "the store refuses the credentials, or they may not do this: "+said)
	case answer.StatusCode/100 == 3:
		return b.unavailable(what, "the bucket is elsewhere: correct the region or the endpoint of the address: "+said)
	case answer.StatusCode == http.StatusNotImplemented:
		return b.unavailable(what, "the store does not know conditional writes (If-None-Match: *), which an archive needs: "+said)
	case answer.StatusCode == http.StatusBadRequest && b.cfg.Lock > 0:
		return b.unavailable(what, "the bucket has no object lock (lock=), or the store does not know conditional writes (If-None-Match: *): "+said)
	case answer.StatusCode == http.StatusBadRequest:
		return b.unavailable(what, "the region of the address may be wrong, or the store may not know conditional writes (If-None-Match: *): "+said)
	}
	return b.unavailable(what, "the store answered "+said)
}

func (b *Bucket) unavailable(what, why string) error {
	return fmt.Errorf("%s: %w at %s: %s", what, archive.ErrUnavailable, b.cfg.address(), why)
}

// code returns a store's code if it is one: other text of a store is not told.
func code(text string) string {
	if text == "" || len(text) > 64 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		return "an error"
	}
	return text
}
