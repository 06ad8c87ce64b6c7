package archivetest

import (
	"testing"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/archive/s3"
)

// Each runs a test over an empty target of every kind, side by side.
func Each(t *testing.T, test func(*testing.T, archive.Target)) {
	t.Helper()
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		test(t, Dir(t, t.TempDir()))
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		test(t, Bucket(t, S3(t, nil)))
	})
}

// Dir opens a directory, and closes it when the test ends.
func Dir(t testing.TB, name string) *archive.Dir {
	t.Helper()
	d, err := archive.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// Bucket opens a bucket, and closes it when the test ends.
func Bucket(t testing.TB, cfg s3.Config) *s3.Bucket {
	t.Helper()
	b, err := s3.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
