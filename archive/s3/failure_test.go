package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/archive/s3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering is a front that answers with a status and a code while when says so.
func answering(status int, code string, when func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !when(r) {
				store.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>told %s %s</Message></Error>", code, r.Header.Get("Authorization"), archivetest.Secret)
		})
	}
}

func always(*http.Request) bool { return true }

// everything calls each method once.
func everything(ctx context.Context, b *s3.Bucket) map[string]error {
	errs := map[string]error{"put": b.Put(ctx, "a/b", []byte("x"))}
	_, errs["get"] = b.Get(ctx, "a/b", 10)
	_, errs["has"] = b.Has(ctx, "a/b")
	_, errs["list"] = b.List(ctx, "a")
	return errs
}

// TestUnavailable: what a store refuses is told with what to do, as what the
// archive does not know, and without credentials or text of the store.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		hint   string
	}{
		"InvalidAccessKeyId":         {403, "credentials"},
		"SignatureDoesNotMatch":      {403, "credentials"},
		"AccessDenied":               {403, "credentials"},
		"NoSuchBucket":               {404, "no such bucket"},
		"PermanentRedirect":          {301, "region"},
		"MethodNotAllowed":           {405, "MethodNotAllowed (405)"},
		"told " + archivetest.Secret: {405, "an error (405)"},
	} {
		b := archivetest.Bucket(t, archivetest.S3(t, answering(c.status, code, always)))
		for method, err := range everything(t.Context(), b) {
			if code == "NoSuchBucket" && method == "has" {
				continue // the answer to HEAD is the one for an object that is missing
			}
			if !errors.Is(err, archive.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s: %v", code, method, err)
			}
			text := fmt.Sprint(err)
			if method != "has" && !strings.Contains(text, c.hint) || strings.Contains(text, archivetest.Secret) || strings.Contains(text, "told") || strings.Contains(text, "Signature=") {
				t.Errorf("%s: %s: %v; want %q", code, method, err, c.hint)
			}
		}
	}
}

// TestBusy: a store that answers 503 twice and then works is asked again.
func TestBusy(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	b := archivetest.Bucket(t, archivetest.S3(t, answering(503, "SlowDown", func(*http.Request) bool { return asked.Add(1)%3 != 0 })))
	for method, err := range everything(t.Context(), b) {
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	if n := asked.Load(); n < 12 {
		t.Errorf("asked %d times", n)
	}
}

// TestDown: a store that is always busy, and one that is not there, are told
// of after a while.
func TestDown(t *testing.T) {
	t.Parallel()
	gone := archivetest.S3(t, nil)
	server := httptest.NewServer(nil)
	server.Close()
	gone.Endpoint = strings.TrimPrefix(server.URL, "http://")
	for name, cfg := range map[string]s3.Config{"busy": archivetest.S3(t, answering(503, "SlowDown", always)), "gone": gone} {
		if _, err := archivetest.Bucket(t, cfg).List(t.Context(), "a"); !errors.Is(err, archive.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoConditions: a store that refuses the condition, and one that does not
// heed it, are no place for an archive.
func TestNoConditions(t *testing.T) {
	t.Parallel()
	conditional := func(r *http.Request) bool { return r.Header.Get("If-None-Match") != "" }
	for name, front := range map[string]func(http.Handler) http.Handler{
		"NotImplemented": answering(501, "NotImplemented", conditional),
		"InvalidRequest": answering(400, "InvalidRequest", conditional),
		"ignored": func(store http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("If-None-Match")
				store.ServeHTTP(w, r)
			})
		},
	} {
		err := archivetest.Bucket(t, archivetest.S3(t, front)).Put(t.Context(), "a/b", []byte("x"))
		if !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(err.Error(), "conditional writes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLostAnswer: a put that the store has done and not answered is known again
// when its repetition is refused; a conflict with one that has not ended is
// tried again.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	var lost, conflicts atomic.Int32
	b := archivetest.Bucket(t, archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/lost") && lost.Add(1) == 1 {
				store.ServeHTTP(httptest.NewRecorder(), r)
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/conflict") && conflicts.Add(1) < 3 {
				w.WriteHeader(http.StatusConflict)
				fmt.Fprint(w, "<Error><Code>ConditionalRequestConflict</Code></Error>")
				return
			}
			store.ServeHTTP(w, r)
		})
	}))
	for _, name := range []string{"a/lost", "a/conflict"} {
		if err := b.Put(t.Context(), name, []byte("mine")); err != nil {
			t.Error(err)
		}
		if err := b.Put(t.Context(), name, []byte("mine")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put again: %v", err)
		}
	}
	if lost.Load() < 2 || conflicts.Load() < 3 {
		t.Errorf("asked %d and %d times", lost.Load(), conflicts.Load())
	}
}

// TestBrokenContent: what breaks off is asked for again.
func TestBrokenContent(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	b := archivetest.Bucket(t, archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && asked.Add(1) < 3 {
				w.Header().Set("Content-Length", "5")
				w.Header().Set("Last-Modified", "Sun, 01 Mar 2026 12:00:00 GMT")
				_, _ = w.Write([]byte("wh"))
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			store.ServeHTTP(w, r)
		})
	}))
	if err := b.Put(t.Context(), "a/b", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if data, err := b.Get(t.Context(), "a/b", 100); err != nil || string(data) != "whole" {
		t.Errorf("%s, %v", data, err)
	}
}

// TestHeaders: each object goes with its digest, and with a retention where one
// is asked for.
func TestHeaders(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cfg := archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := r.Header
			if r.Method == http.MethodPut && (h.Get("Content-Md5") == "" || h.Get("If-None-Match") != "*" ||
				h.Get("X-Amz-Object-Lock-Mode") != "GOVERNANCE" || h.Get("X-Amz-Object-Lock-Retain-Until-Date") != "2026-03-31T12:00:00Z") {
				t.Errorf("%v", h)
			}
			store.ServeHTTP(w, r)
		})
	})
	cfg.Lock, cfg.Now = 30*24*time.Hour, func() time.Time { return day }
	if err := archivetest.Bucket(t, cfg).Put(t.Context(), "a/b", []byte("x")); err != nil {
		t.Error(err)
	}
}

// TestNoCredentials: without any, nothing is sent, and the error says what to set.
func TestNoCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/") // in place of a machine's own
	cfg := archivetest.S3(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	})
	cfg.Credentials = nil
	for method, err := range everything(t.Context(), archivetest.Bucket(t, cfg)) {
		if !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
			t.Errorf("%s: %v", method, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", archivetest.Secret)
	cfg = archivetest.S3(t, nil)
	cfg.Credentials = nil
	if err := archivetest.Bucket(t, cfg).Put(t.Context(), "a/b", []byte("x")); err != nil {
		t.Error(err)
	}
}
