package archiver_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/archive/archivetest"
)

// TestBucketAway: while a store refuses the credentials, or says nothing, the
// log goes on, the state says why, without them, and afterwards everything is
// archived.
func TestBucketAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		away func(http.ResponseWriter, *http.Request)
		hint string
	}{
		"refusing": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, "<Error><Code>InvalidAccessKeyId</Code></Error>")
			}, "refuses the credentials",
		},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "nothing came from"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var back atomic.Bool
			cfg := archivetest.S3(t, func(store http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if back.Load() {
						store.ServeHTTP(w, r)
					} else {
						c.away(w, r)
					}
				})
			})
			cfg.Timeout = time.Second
			r := newRig(t, archivetest.Bucket(t, cfg))
			a, _ := r.start(t, 20*time.Millisecond)
			r.append(t, 5)
			eventually(t, func() bool { s := a.State(); return s.Failures > 0 && !s.Active })
			if text := a.State().Error; !strings.Contains(text, c.hint) || strings.Contains(text, archivetest.Secret) {
				t.Errorf("%s; want %q", text, c.hint)
			}
			last := r.append(t, 50) // the log takes what comes
			back.Store(true)
			eventually(t, func() bool { return a.State().Archived == last && a.State().Error == "" })
			r.intact(t, last)
		})
	}
}
