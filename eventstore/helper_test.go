package eventstore_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func equal[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
