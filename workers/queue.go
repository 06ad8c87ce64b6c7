package workers

import "slices"

// class holds the tasks of a tenant that the same agents may take: same
// queue, same required capabilities.
type class struct {
	id           string
	tenant       string
	queue        string
	capabilities []string // sorted, distinct
	works        int      // tasks of the class that are not final; at none it is forgotten
	waiting      heap[*work]
	pools        []*pool // that serve it
	starved      bool    // none of them had a free slot when last asked
	inReady      int
}

func newClass(id string, w *work) *class {
	spec := w.state().Spec
	return &class{
		id: id, tenant: w.tenant, queue: spec.Queue, capabilities: sorted(spec.Capabilities),
		waiting: newHeap(before, func(w *work) *int { return &w.inQueue }),
	}
}

func classID(w *work) string {
	spec := w.state().Spec
	return profile(w.tenant, []string{spec.Queue}, sorted(spec.Capabilities))
}

// before is the order in which waiting tasks are served: by priority, then by age.
func before(a, b *work) bool {
	if pa, pb := a.state().Spec.Priority, b.state().Spec.Priority; pa != pb {
		return pa > pb
	}
	return a.submit < b.submit
}

// pick returns the least loaded agent with a free slot that may take a task
// of the class, or nil.
func (c *class) pick() *member {
	var best *member
	for _, p := range c.pools {
		if m := p.members.top(); m != nil && m.free() > 0 && (best == nil || lessLoaded(m, best)) {
			best = m
		}
	}
	return best
}

// ahead counts the waiting tasks that are served before w: those of its own
// class and of the classes that compete for the same agents.
func (c *class) ahead(w *work) int {
	n := 0
	for rival := range c.rivals() {
		for _, other := range rival.waiting.items.list {
			if before(other, w) {
				n++
			}
		}
	}
	return n
}

func (c *class) rivals() map[*class]struct{} {
	all := map[*class]struct{}{c: {}}
	for _, p := range c.pools {
		for _, r := range p.classes {
			all[r] = struct{}{}
		}
	}
	return all
}

func (c *class) leave(p *pool) {
	c.pools = slices.DeleteFunc(c.pools, func(q *pool) bool { return q == p })
}

func (p *pool) leave(c *class) {
	p.classes = slices.DeleteFunc(p.classes, func(d *class) bool { return d == c })
}
