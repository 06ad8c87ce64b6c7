package workers

import (
	"time"

	"github.com/hivemesh/hivemesh/domain/task"
)

// An assignment is told to its agent when it has been appended, and again
// after firstRehint, then ever less often up to lastRehint, until the agent
// starts, names the attempt in a heartbeat, or loses it.
const (
	firstRehint = 2 * time.Second
	lastRehint  = 30 * time.Second
)

// unheard reports whether the agent has not shown that it knows of the attempt.
func (w *work) unheard() bool { return w.state().Status == task.StatusAssigned && !w.named }

// rehinted notes that the attempt has been told again.
func (w *work) rehinted(now time.Time) {
	w.hints++
	w.hintAt = now.Add(min(lastRehint, firstRehint<<min(w.hints, 8)))
}

// assignment is what an agent is told about an attempt.
func (w *work) assignment(attempt int, term uint64) Assignment {
	t := w.state()
	return Assignment{Task: t.ID, Attempt: attempt, Term: term, Spec: t.Spec, SubmittedAt: t.SubmittedAt}
}

// hint tells the agent of an attempt. An input that is not in memory is
// loaded first, elsewhere; so is what the task wants told from memory.
func (c *Coordinator) hint(w *work, agentID string, attempt int, term uint64) {
	a := w.assignment(attempt, term)
	briefed := a.Spec.Recall != nil && c.cfg.SendBriefed != nil
	if !w.trimmed && !briefed {
		c.cfg.Send(w.tenant, agentID, Message{Assign: &a})
		return
	}
	c.hintLoads.put(load{tenant: w.tenant, agent: agentID, submit: w.submit, trimmed: w.trimmed, briefed: briefed, assign: a})
}

// revoke tells the agent that an attempt is over.
func (c *Coordinator) revoke(tenant, agentID string, r Revocation) {
	c.count.Revoked++
	c.cfg.Send(tenant, agentID, Message{Revoke: &r})
}
