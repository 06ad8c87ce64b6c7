package login_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/hivemesh/hivemesh/auth/login"
)

// Requests do not wait for the log: uses beyond what may wait are let go, and
// told when the key is used again.
func TestUsesDoNotWait(t *testing.T) {
	t.Parallel()
	u := login.NewUses()
	for range 2 {
		for i := range 3 * login.UsesQueued {
			u.Told(strconv.Itoa(i))
		}
	}
	for i := range login.UsesQueued {
		if key, ok := u.Next(nil); !ok || key != strconv.Itoa(i) {
			t.Fatalf("use %d: %q, %v", i, key, ok)
		}
	}
	if key, ok := u.Next(nil); ok {
		t.Errorf("%s waits too", key)
	}
	late := strconv.Itoa(2 * login.UsesQueued)
	u.Told(late)
	if key, _ := u.Next(errors.New("the log is away")); key != late {
		t.Errorf("what was let go is not told again: %q", key)
	}
	u.Told(late)
	if key, ok := u.Next(nil); ok {
		t.Errorf("%s does not rest after it could not be written", key)
	}
}
