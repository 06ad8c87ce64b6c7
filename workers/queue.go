package workers

// class holds the tasks of a tenant that the same agents may take: same
// queue, same required capabilities.
type class struct {
	id           string
	tenant       string
	queue        string
	capabilities []string // sorted, distinct
	works        int      // tasks of the class that are not final; at none it is forgotten
	waiting      heap[*work]
	links        heap[*link] // to the pools that serve it, the one with the least loaded agent first
	starved      bool        // none of them had a free slot when last asked
	lane         *lane
	inReady      int
}

func newClass(id string, w *work) *class {
	spec := w.state().Spec
	return &class{
		id: id, tenant: w.tenant, queue: spec.Queue, capabilities: sorted(spec.Capabilities),
		waiting: newHeap(before, func(w *work) *int { return &w.inQueue }),
		links:   newHeap(func(a, b *link) bool { return lessLoaded(a.best(), b.best()) }, func(k *link) *int { return &k.inClass }),
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
	k := c.links.top()
	if k == nil || k.best().free() <= 0 {
		return nil
	}
	return k.best()
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
	for _, k := range c.links.items.list {
		for rival := range k.pool.links {
			all[rival.class] = struct{}{}
		}
	}
	return all
}
