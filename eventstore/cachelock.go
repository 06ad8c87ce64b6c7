package eventstore

import "context"

// entityLock lets one update of an entity at a time pass within the process.
type entityLock struct {
	free  chan struct{} // capacity 1, filled when free
	users int
}

// lock waits for the entity's turn and returns the function that ends it, or
// the context's error.
func (c *Cache[S]) lock(ctx context.Context, e Entity) (unlock func(), err error) {
	c.mu.Lock()
	l, ok := c.locks[e]
	if !ok {
		l = &entityLock{free: make(chan struct{}, 1)}
		l.free <- struct{}{}
		c.locks[e] = l
	}
	l.users++
	c.mu.Unlock()
	leave := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(c.locks, e)
		}
	}
	select {
	case <-l.free:
		return func() { l.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
