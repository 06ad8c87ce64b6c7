package workers

// Health tells how the coordinator does. It is at most 50 ms old.
func (c *Coordinator) Health() Health { return *c.health.Load() }

// report publishes how the coordinator does.
func (c *Coordinator) report() {
	c.count.Collected = c.collected.Load()
	c.health.Store(&Health{
		CaughtUp: c.caughtUp, Leader: c.acting, Term: c.lease.term, LeaderNode: c.lease.node, FoldedSeq: c.fleet.folded,
		Tasks: len(c.fleet.works), Waiting: c.fleet.match.waiting, Held: c.fleet.held, InFlight: c.inFlight,
		Agents: c.fleet.present, ReadOnly: c.fleet.readOnly, Counters: c.count,
	})
}
