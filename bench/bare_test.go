package bench

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBareLoop: every task lives once, alone and with rows beside it.
func TestBareLoop(t *testing.T) {
	t.Parallel()
	o, m := Options{Dir: t.TempDir()}, &Mesh{PG: embeddedtest.PostgresURL(t)}
	for _, callers := range []int{1, 64} { // plain publishes, batches
		without, with, err := bareLives(t.Context(), o, m, 300, callers, 100)
		if err != nil || without <= 0 || with <= 0 {
			t.Errorf("%d callers: %v, %v, %v", callers, without, with, err)
		}
	}
}
