package natsauth

import (
	"context"
	"errors"
	"sync/atomic"
)

// Gate is a Decide that refuses everybody until it is opened: the server may
// ask before those who decide are there, and after they have gone.
type Gate struct {
	decide atomic.Pointer[func(context.Context, Request) (Grant, error)]
}

// Open lets decide say what a client may do; nil closes the gate.
func (g *Gate) Open(decide func(context.Context, Request) (Grant, error)) {
	if decide == nil {
		g.decide.Store(nil)
		return
	}
	g.decide.Store(&decide)
}

// Decide asks whom the gate was opened to.
func (g *Gate) Decide(ctx context.Context, r Request) (Grant, error) {
	decide := g.decide.Load()
	if decide == nil {
		return Grant{}, errors.New("the mesh is not ready to let anybody in")
	}
	return (*decide)(ctx, r)
}
