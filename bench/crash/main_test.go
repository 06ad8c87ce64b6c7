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

// buildMesh builds the binary once for all tests of a run.
var buildMesh = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mesh-crash-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mesh")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/hivemesh/hivemesh/cmd/mesh").CombinedOutput()
	if err != nil {
		return binary, fmt.Errorf("build mesh: %w\n%s", err, out)
	}
	return binary, nil
})

// meshBinary returns the path of the binary under test.
func meshBinary(t *testing.T) string {
	t.Helper()
	binary, err := buildMesh()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if os.Getenv("MESH_CRASH_KEEP") == "" {
			if binary, err := buildMesh(); err == nil {
				_ = os.RemoveAll(filepath.Dir(binary)) // a leftover in the temporary directory harms nobody
			}
		}
		os.Exit(code)
	}))
}
