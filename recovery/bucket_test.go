package recovery_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/archivetest"
	"github.com/hivemesh/hivemesh/recovery"
)

// TestBucketAway: a store that goes away while a plan is made, or the archive is
// checked or restored, does not make it look damaged: nothing is dropped for it,
// whatever loss is allowed.
func TestBucketAway(t *testing.T) {
	t.Parallel()
	var away atomic.Value // what is in the names of the files that are not given
	away.Store("nothing")
	a := archiveOf(t, archivetest.Bucket(t, archivetest.S3(t, func(store http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name, ok := away.Load().(string); ok && r.Method == http.MethodGet && strings.Contains(r.URL.Path, name) {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			store.ServeHTTP(w, r)
		})
	})), rand.New(rand.NewPCG(1, 6)), 20)
	p, err := recovery.Make(t.Context(), a.log, recovery.Target{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	third := a.log.Seals[2].SHA256[:16]
	for _, name := range []string{third, "/artifacts/", ".keys"} {
		away.Store(name)
		if r, err := a.log.Verify(t.Context(), nil); !errors.Is(err, archive.ErrUnavailable) || len(r.Damage) > 0 {
			t.Errorf("%s: checked: %+v, %v", name, r, err)
		}
		r, err := recovery.Run(t.Context(), recovery.Config{NATS: connect(t), Archive: a.target, Log: a.log, Store: logConfig, Identities: []age.Identity{a.identity}}, p)
		if !errors.Is(err, archive.ErrUnavailable) || len(r.Damaged) > 0 {
			t.Errorf("%s: restored: %+v, %v", name, r, err)
		}
	}
	away.Store(third)
	if p, err := recovery.Make(t.Context(), a.log, recovery.Target{AllowLoss: true}, nil); !errors.Is(err, archive.ErrUnavailable) || p.Damage != nil {
		t.Errorf("a plan: %+v, %v", p, err)
	}
}
