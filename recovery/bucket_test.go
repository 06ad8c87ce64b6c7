package recovery_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/recovery"
)

// TestBucketAway: a store that goes away while a plan is made, or the archive is
// checked, does not make it look damaged: nothing is dropped for it, whatever
// loss is allowed.
func TestBucketAway(t *testing.T) {
	t.Parallel()
	var served atomic.Int32 // segments, before it goes away
	a := archiveOf(t, archivetest.Bucket(t, archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".seg") && r.Method == http.MethodGet && served.Add(-1) < 0 {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			store.ServeHTTP(w, r)
		})
	})), rand.New(rand.NewPCG(1, 6)), 20)
	served.Store(2)
	if p, err := recovery.Make(t.Context(), a.log, recovery.Target{AllowLoss: true}, nil); !errors.Is(err, archive.ErrUnavailable) || p.Damage != nil {
		t.Errorf("a plan: %+v, %v", p, err)
	}
	served.Store(2)
	if r, err := a.log.Verify(t.Context(), nil); !errors.Is(err, archive.ErrUnavailable) || len(r.Damage) > 0 {
		t.Errorf("checked: %+v, %v", r, err)
	}
}
