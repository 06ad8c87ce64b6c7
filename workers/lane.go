package workers

// lane is one tenant's part in the matching: its classes that have waiting
// tasks and are not starved, the best one first.
type lane struct {
	ready   heap[*class]
	classes int    // of the tenant; at none the lane is forgotten
	served  uint64 // when it was served last, in turns of the matching
	inTurns int
}

// join gives a new class its tenant's lane.
func (x *matching) join(c *class) {
	q := x.lanes[c.tenant]
	if q == nil {
		q = &lane{served: x.served, ready: newHeap(
			func(a, b *class) bool { return before(a.waiting.top(), b.waiting.top()) },
			func(c *class) *int { return &c.inReady })}
		x.lanes[c.tenant] = q
	}
	q.classes++
	c.lane = q
}

// leave takes a class that is not ready out of its lane for good.
func (x *matching) leave(c *class) {
	if c.lane.classes--; c.lane.classes == 0 {
		delete(x.lanes, c.tenant)
	}
}

// makeReady puts a class in, or moves it to where it belongs now.
func (x *matching) makeReady(c *class) {
	c.lane.ready.set(c)
	x.turns.set(c.lane)
}

// unready takes a class out, if it is in.
func (x *matching) unready(c *class) {
	c.lane.ready.remove(c)
	if c.lane.ready.len() == 0 {
		x.turns.remove(c.lane)
	}
}
