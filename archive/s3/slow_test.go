package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
)

// TestSilent: a store that takes a request and says nothing is given up.
func TestSilent(t *testing.T) {
	t.Parallel()
	cfg := archivetest.S3(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees the client go
			<-r.Context().Done()
		})
	})
	cfg.Timeout = 50 * time.Millisecond
	for method, err := range everything(t.Context(), archivetest.Bucket(t, cfg)) {
		if !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(err.Error(), "50ms") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

const (
	patience = 2 * time.Second // of the client
	pause    = 100 * time.Millisecond
	pauses   = 25 // longer in all than the patience
)

// TestSlowToSend: a store that sends slowly, but sends, is not given up.
func TestSlowToSend(t *testing.T) {
	t.Parallel()
	cfg := archivetest.S3(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(pauses))
			w.Header().Set("Last-Modified", "Sun, 01 Mar 2026 12:00:00 GMT")
			slowly(func() {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
			})
		})
	})
	cfg.Timeout = patience
	if data, err := archivetest.Bucket(t, cfg).Get(t.Context(), "a/b", 100); err != nil || len(data) != pauses {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// TestSlowToTake: nor is one that takes slowly, but takes.
func TestSlowToTake(t *testing.T) {
	t.Parallel()
	const part = 512 << 10
	cfg := archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/large") && r.Method == http.MethodPut {
				var taken bytes.Buffer
				slowly(func() { _, _ = io.CopyN(&taken, r.Body, part) })
				r.Body = io.NopCloser(io.MultiReader(&taken, r.Body))
			}
			store.ServeHTTP(w, r)
		})
	})
	cfg.Timeout = patience
	if err := archivetest.Bucket(t, cfg).Put(t.Context(), "a/large", make([]byte, pauses*part)); err != nil {
		t.Error(err)
	}
}

func slowly(do func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range pauses {
		do()
		<-tick.C
	}
}
