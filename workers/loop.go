package workers

import (
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/eventstore"
)

// foldBatch takes in what the tail brought.
func (c *Coordinator) foldBatch(rs []eventstore.Record, now time.Time) {
	for _, r := range rs {
		c.heed(c.fleet.fold(r, now), now)
	}
	c.checkCaughtUp()
}

// heed does what an event leaves to be done.
func (c *Coordinator) heed(n news, now time.Time) {
	if n.changed != nil {
		c.perform(n.changed, now)
	}
	for _, w := range n.wake {
		c.perform(w, now)
	}
	if n.load != nil {
		c.histLoads.put(n.load)
	}
	if n.revoke != nil && c.mayAct() {
		c.revoke(n.revoke.tenant, n.revoke.agent, n.revoke.Revocation)
	}
}

func (c *Coordinator) checkCaughtUp() {
	if !c.caughtUp && c.fleet.complete(c.startEnd) {
		c.caughtUp = true
		close(c.ready)
	}
}

// install puts tasks in place whose history was loaded.
func (c *Coordinator) install(now time.Time) {
	for _, h := range c.histories.take() {
		if !c.fleet.install(h.work, h.loaded, h.submit, h.err, now) {
			c.histLoads.put(h.work)
			continue
		}
		if c.fleet.works[h.work.key] == h.work {
			c.perform(h.work, now)
		}
	}
}

// leaseSeen takes in who leads. A renewal that came late means that this node
// was cut off, and may not have heard the agents.
func (c *Coordinator) leaseSeen(l lease, now time.Time) {
	if l.late && l.sent != c.lease.sent {
		c.forgive(now)
	}
	if l.term != c.lease.term {
		c.acting = false // to act again needs a take-over, even if no time passed between
	}
	c.lease = l
	c.report()
}

// tick notices when the loop itself was held up, takes in the heartbeats, and
// only then looks at who was silent and at what is due.
func (c *Coordinator) tick(now time.Time) {
	late := max(now.Sub(c.lastTick), now.Round(0).Sub(c.lastTick.Round(0)))
	c.lastTick = now
	if late > c.cfg.Heartbeat {
		c.count.LoopStalls++
		c.forgive(now)
	}
	latest, lost := c.beats.take()
	c.count.LostBeats = lost
	for k, held := range latest {
		c.hear(k, held, now)
	}
	c.checkCaughtUp()
	c.fleet.attend(now, c.live.since, quietBeats*c.cfg.Heartbeat)
	if c.mayAct() {
		c.loseSilent(now)
	}
	for w := c.fleet.pop(now); w != nil; w = c.fleet.pop(now) {
		c.perform(w, now)
	}
	c.report()
}

// hear takes in one agent's heartbeat.
func (c *Coordinator) hear(k key, held []Held, now time.Time) {
	m, over := c.fleet.beat(k, held, now)
	c.count.Late += uint64(len(over))
	if m == nil || !c.mayAct() {
		return
	}
	for _, r := range over {
		c.revoke(k.tenant, k.id, r)
	}
	if m.loaded.State.Status == agent.StatusLost && c.mayActOn(m, now) {
		c.inFlight++
		m.busy = now.Add(waitUnknown)
		c.cfg.Commands.ReturnAgent(m.tenant, m.loaded, c.landing(result{what: comeBack, agent: m}))
	}
}

func (c *Coordinator) loseSilent(now time.Time) {
	for _, m := range c.fleet.agents {
		if c.live.silent(m, now, c.lease.asked) && c.mayActOn(m, now) {
			c.inFlight++
			m.busy = now.Add(waitUnknown)
			c.cfg.Commands.LoseAgent(m.tenant, m.loaded, m.heard, c.landing(result{what: lose, agent: m}))
		}
	}
}

func (c *Coordinator) mayActOn(m *member, now time.Time) bool {
	return m.readOnly == "" && !now.Before(m.busy) && !now.Before(c.pausedUntil) && c.inFlight < maxInFlight
}

// Heartbeat takes in an agent's sign of life and the attempts that it names.
// Only the latest one of each agent counts; it is looked at within 50 ms.
func (c *Coordinator) Heartbeat(tenant, agentID string, held []Held) {
	c.beats.put(key{tenant, agentID}, held)
}
