package workers

// matching brings waiting tasks and free agents together. The invariant after
// a round that was not cut short: no class has both a waiting task and an
// agent with a free slot.
type matching struct {
	classes map[string]*class
	pools   map[string]*pool
	lanes   map[string]*lane // by tenant
	turns   heap[*lane]      // those with ready classes, the one served longest ago first
	waiting int
	turn    uint64
	served  uint64
}

// pair is an assignment to be made.
type pair struct {
	work   *work
	member *member
}

func newMatching() matching {
	return matching{
		classes: map[string]*class{}, pools: map[string]*pool{}, lanes: map[string]*lane{},
		turns: newHeap(func(a, b *lane) bool { return a.served < b.served }, func(q *lane) *int { return &q.inTurns }),
	}
}

// round pairs waiting tasks with free agents, at most limit of them. Tenants
// take turns, so that none uses the limit up; within a tenant the task first in
// priority and age goes first, whatever its class. The slots are reserved and
// the tasks leave the queue.
func (x *matching) round(limit int) []pair {
	var pairs []pair
	for len(pairs) < limit && x.turns.len() > 0 {
		q := x.turns.top()
		c := q.ready.top()
		m := c.pick()
		if m == nil {
			c.starved = true
			x.unready(c)
			continue
		}
		w := c.waiting.top()
		x.dequeue(w)
		m.reserved++
		x.loadChanged(m)
		pairs = append(pairs, pair{w, m})
		x.served++
		q.served = x.served
		if q.inTurns > 0 {
			x.turns.set(q)
		}
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
		x.join(c)
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
	x.leave(c)
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
		x.makeReady(w.class)
	}
}

// dequeue takes a task out of the queue, if it is in.
func (x *matching) dequeue(w *work) {
	if w.inQueue == 0 {
		return
	}
	x.waiting--
	c := w.class
	x.unready(c)
	c.waiting.remove(w)
	if c.waiting.len() > 0 && !c.starved {
		x.makeReady(c)
	}
}

// place puts an agent where it belongs after a change of what it can do or of
// whether it may be given work.
func (x *matching) place(m *member) {
	want := ""
	if m.readOnly == "" && m.aside == notAside && m.loaded.State.Assignable() {
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
				x.makeReady(c)
			}
		}
	}
}
