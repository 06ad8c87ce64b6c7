package commands

import (
	"context"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// catchUpLimit bounds how long a node waits to hear what others have written.
const catchUpLimit = time.Second

// catchUp lets many wait for one look at the end of the log. Whoever comes
// while a look is under way waits for the next one, which they all share:
// however many ask, one look runs at a time.
type catchUp struct {
	mu   sync.Mutex
	next *look         // that has not begun
	turn chan struct{} // held by the look that runs
}

type look struct {
	done chan struct{}
	err  error
}

// CatchUp returns when this node decides by every event about identities that
// was in the log when it was called. What another node has just given, such as
// a session or a signing key, is known here then. It fails with kind
// Unavailable when that takes longer than a second, and with ctx's error.
func (s *Service) CatchUp(ctx context.Context) error {
	c := s.catchUp
	c.mu.Lock()
	l, mine := c.next, c.next == nil
	if mine {
		l = &look{done: make(chan struct{})}
		c.next = l
	}
	c.mu.Unlock()
	if mine {
		c.run(l, func() error { return s.reachEnd(context.WithoutCancel(ctx)) }) // others wait for it, too
	}
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run has a look when the one before is over.
func (c *catchUp) run(l *look, do func() error) {
	c.turn <- struct{}{}
	c.mu.Lock()
	c.next = nil
	c.mu.Unlock()
	l.err = do()
	close(l.done)
	<-c.turn
}

// reachEnd waits until the directory has read to where the log ends now.
func (s *Service) reachEnd(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	end, err := s.store.LastOf(ctx, identity.EntityKind)
	if err == nil {
		err = s.directory.Await(ctx, end)
	}
	if err != nil {
		return &domain.Error{Kind: domain.Unavailable, Code: "log_unavailable", Message: "this node does not know the credential and cannot ask the event log about it now; try again", Err: err}
	}
	return nil
}
