package login

import (
	"net/netip"

	"github.com/hivemesh/hivemesh/domain/identity"
)

// UsesQueued is how many keys may wait for their use to be written.
const UsesQueued = usesQueued

// Uses is uses for tests from outside, without anybody who writes them.
type Uses struct{ u *uses }

// NewUses returns uses that nobody writes.
func NewUses() Uses { return Uses{newUses()} }

// Told tells of a use.
func (u Uses) Told(key string) { u.u.told(identity.Ref{}, key, netip.Addr{}) }

// Next takes the next use out, and says how writing it ended; ok is false when none waits.
func (u Uses) Next(err error) (key string, ok bool) {
	select {
	case next := <-u.u.queue:
		u.u.written(next.key, err)
		return next.key, true
	default:
		return "", false
	}
}
