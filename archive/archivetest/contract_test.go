package archivetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hivemesh/hivemesh/archive/archivetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract: every target keeps it.
func TestContract(t *testing.T) {
	t.Parallel()
	archivetest.Each(t, archivetest.Contract)
}
