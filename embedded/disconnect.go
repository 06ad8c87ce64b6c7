package embedded

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Disconnect closes every open connection that was begun before the time and
// whose user match wants, and returns how many those were. The user is the name that the callout's answer gave the
// connection; the mesh's own connections are never closed. It looks at each
// connection once, and may be called at any time from any goroutine.
//
// A connection that is being let in meanwhile may be missed: whoever revokes
// makes sure that no more are let in first, then disconnects, and does it once
// more with the same time when the answers under way have been taken in.
func (n *NATS) Disconnect(before time.Time, match func(user string) bool) int {
	conns, err := n.srv.Connz(&server.ConnzOptions{Username: true, Limit: maxConns})
	if err != nil {
		return 0 // only for options that contradict each other
	}
	closed := 0
	for _, c := range conns.Conns {
		if c.AuthorizedUser == meshUser || c.AuthorizedUser == authUser || !c.Start.Before(before) || !match(c.AuthorizedUser) {
			continue
		}
		if n.srv.DisconnectClientByID(c.Cid) == nil {
			closed++
		}
	}
	return closed
}
