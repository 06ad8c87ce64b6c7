package embedded_test

import (
	"path/filepath"
	"testing"

	"github.com/hivemesh/hivemesh/embedded"
)

func TestDiskFree(t *testing.T) {
	t.Parallel()
	free, total, err := embedded.DiskFree(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if free == 0 || free > total {
		t.Errorf("%d of %d bytes free", free, total)
	}
	if _, _, err := embedded.DiskFree(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing directory has free space")
	}
}
