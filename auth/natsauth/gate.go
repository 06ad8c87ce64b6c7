package natsauth

import (
	"context"
	"errors"
	"sync"
)

// Decide says what a client may do; see Config.
type Decide func(ctx context.Context, r Request) (Grant, error)

// Gate is a Decide that lets everybody wait until it is opened: the server asks
// before those who decide are there. To refuse them would have all agents of a
// fleet come again and again while their mesh starts.
type Gate struct {
	mu     sync.Mutex
	decide Decide
	moved  chan struct{} // closed when it is opened or closed for good
}

// NewGate returns a Gate before which everybody waits.
func NewGate() *Gate { return &Gate{moved: make(chan struct{})} }

// Open lets decide say what a client may do.
func (g *Gate) Open(decide Decide) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.decide = decide
	close(g.moved)
	g.moved = make(chan struct{})
}

// Close refuses everybody from now on: the mesh goes away.
func (g *Gate) Close() {
	g.Open(func(context.Context, Request) (Grant, error) { return Grant{}, errClosed() })
}

// Decide asks whom the gate is opened to, when it is. It fails when ctx ends
// before.
func (g *Gate) Decide(ctx context.Context, r Request) (Grant, error) {
	for {
		g.mu.Lock()
		decide, moved := g.decide, g.moved
		g.mu.Unlock()
		if decide != nil {
			return decide(ctx, r)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return Grant{}, errClosed()
		}
	}
}

func errClosed() error { return errors.New("the mesh is not there to let anybody in") }
