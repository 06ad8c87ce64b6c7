package recovery_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
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
	var away atomic.Bool
	a := archiveOf(t, archivetest.Bucket(t, archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			store.ServeHTTP(w, r)
		})
	})), rand.New(rand.NewPCG(1, 6)), 20)
	goesAway := func(archive.Seal) { away.Store(true) }
	if p, err := recovery.Make(t.Context(), a.log, recovery.Target{AllowLoss: true}, goesAway); !errors.Is(err, archive.ErrUnavailable) || p.Damage != nil {
		t.Errorf("a plan: %+v, %v", p, err)
	}
	away.Store(false)
	if r, err := a.log.Verify(t.Context(), goesAway); !errors.Is(err, archive.ErrUnavailable) || len(r.Damage) > 0 {
		t.Errorf("checked: %+v, %v", r, err)
	}
}
