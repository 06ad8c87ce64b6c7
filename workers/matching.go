package workers

// matching brings waiting tasks and free agents together. The invariant after
// a round that was not cut short: no class has both a waiting task and an
// agent with a free slot.
type matching struct {
	classes map[string]*class
	pools   map[string]*pool
	ready   heap[*class] // classes with waiting tasks that are not starved, best first
	waiting int
	turn    uint64
}

// pair is an assignment to be made.
type pair struct {
	work   *work
	member *member
}

func newMatching() matching {
	return matching{
		classes: map[string]*class{}, pools: map[string]*pool{},
		ready: newHeap(
			func(a, b *class) bool { return before(a.waiting.top(), b.waiting.top()) },
			func(c *class) *int { return &c.inReady }),
	}
}

// round pairs waiting tasks with free agents, at most limit of them: the task
// first in priority and age goes first, whatever its class. The slots are
// reserved and the tasks leave the queue.
func (x *matching) round(limit int) []pair {
	var pairs []pair
	for len(pairs) < limit && x.ready.len() > 0 {
		c := x.ready.top()
		m := c.pick()
		if m == nil {
			c.starved = true
			x.ready.remove(c)
			continue
		}
		w := c.waiting.top()
		x.dequeue(w)
		m.reserved++
		x.loadChanged(m)
		pairs = append(pairs, pair{w, m})
	}
	return pairs
}

// classify finds or makes the class of a new task.
func (x *matching) classify(w *work) {
	id := classID(w)
	c := x.classes[id]
	if c == nil {
		c = newClass(id, w)
		x.classes[id] = c
		for _, p := range x.pools {
			connect(p, c)
		}
	}
	c.works++
	w.class = c
}

// forget takes a task out for good.
func (x *matching) forget(w *work) {
	x.dequeue(w)
	c := w.class
	if c == nil {
		return
	}
	w.class = nil
	if c.works--; c.works > 0 {
		return
	}
	delete(x.classes, c.id)
	for _, k := range c.links.items.list {
		delete(k.pool.links, k)
	}
}

// enqueue lets a task wait for an agent.
func (x *matching) enqueue(w *work) {
	if w.inQueue > 0 {
		return
	}
	x.waiting++
	w.class.waiting.set(w)
	if !w.class.starved {
		x.ready.set(w.class)
	}
}

// dequeue takes a task out of the queue, if it is in.
func (x *matching) dequeue(w *work) {
	if w.inQueue == 0 {
		return
	}
	x.waiting--
	c := w.class
	x.ready.remove(c)
	c.waiting.remove(w)
	if c.waiting.len() > 0 && !c.starved {
		x.ready.set(c)
	}
}

// place puts an agent where it belongs after a change of what it can do or of
// whether it may be given work.
func (x *matching) place(m *member) {
	want := ""
	if m.readOnly == "" && m.loaded.State.Assignable() {
		want = poolID(m)
	}
	if m.pool != nil && m.pool.id != want {
		x.unplace(m)
	}
	if want == "" {
		return
	}
	if m.pool == nil {
		x.admit(want, m)
	}
	x.loadChanged(m)
}

// unplace takes an agent out of its pool.
func (x *matching) unplace(m *member) {
	p := m.pool
	m.pool = nil
	if p.members.len() > 1 {
		p.members.remove(m)
		for k := range p.links {
			k.class.links.set(k)
		}
		return
	}
	delete(x.pools, p.id)
	for k := range p.links {
		k.class.links.remove(k)
	}
	p.members.remove(m)
}

// admit puts an agent into the pool of that id, found or made.
func (x *matching) admit(id string, m *member) {
	p := x.pools[id]
	made := p == nil
	if made {
		p = newPool(id, m)
		x.pools[id] = p
	}
	m.pool = p
	p.members.set(m)
	if !made {
		return
	}
	for _, c := range x.classes {
		connect(p, c)
	}
}

// connect links a pool to a class if it serves it.
func connect(p *pool, c *class) {
	if !p.serves(c) {
		return
	}
	k := &link{pool: p, class: c}
	p.links[k] = struct{}{}
	c.links.set(k)
}

// loadChanged must be called after every change of an agent's load or capacity.
func (x *matching) loadChanged(m *member) {
	x.turn++
	m.turn = x.turn
	if m.pool == nil {
		return
	}
	m.pool.members.set(m)
	for k := range m.pool.links {
		c := k.class
		c.links.set(k)
		if c.starved && m.free() > 0 {
			c.starved = false
			if c.waiting.len() > 0 {
				x.ready.set(c)
			}
		}
	}
}
