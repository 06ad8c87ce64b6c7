package identity

import (
	"maps"
	"time"
)

// revoke takes in that every session of a principal has ended. The order of the
// log decides which began before that, not the times of the events: the clocks
// of nodes may differ, and a session must not outlive a revocation for it.
func (d *Directory) revoke(ref Ref, e PrincipalEvent) {
	switch e.(type) {
	case PrincipalSuspended, PrincipalResumed, TokensRevoked:
		d.revoked[ref] = d.seq
	}
}

// sweepFrom is the least number of sessions that is worth a sweep; sweepLate is
// how long after its end a session is forgotten, as clocks may differ.
const (
	sweepFrom = 1024
	sweepLate = time.Hour
)

// sweep forgets sessions that ended by themselves, of which no event tells. It
// looks at all of them each time their number has doubled.
func (d *Directory) sweep(at time.Time) {
	if len(d.sessions) < max(sweepFrom, d.sweepAt) {
		return
	}
	maps.DeleteFunc(d.sessions, func(_ string, s SessionOf) bool { return expired(s.ExpiresAt.Add(sweepLate), at) })
	d.sweepAt = 2 * len(d.sessions)
}
