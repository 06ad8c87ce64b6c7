package api_test

import (
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
)

// TestNothingIsArchived: a mesh without an archive says so, and does not
// pretend to have made one.
func TestNothingIsArchived(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	state, err := m.Client.Archive(t.Context())
	if err != nil || state.Configured || state.Archived > 0 {
		t.Errorf("%+v, %v", state, err)
	}
	_, err = m.Client.FlushArchive(t.Context())
	wantCode(t, err, "not_archived")
	_, err = m.Client.ScrubArchive(t.Context(), 0, 0)
	wantCode(t, err, "not_archived")
}
