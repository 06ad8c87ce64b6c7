package crash_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// built is the binary under test, which all tests of a run share.
var built struct {
	once sync.Once
	dir  string // empty while nobody has asked for it
	err  error
}

// meshBinary returns the path of the binary, and builds it the first time.
func meshBinary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "mesh-crash-"); built.err != nil { //nolint:usetesting // it outlives the test that asks first
			return
		}
		out, err := exec.Command("go", "build", "-o", built.dir, "github.com/hivemesh/hivemesh/cmd/mesh").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build mesh: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "mesh")
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if built.dir != "" {
			_ = os.RemoveAll(built.dir) // a leftover in the temporary directory harms nobody
		}
		os.Exit(code)
	}))
}
