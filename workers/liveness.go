package workers

import (
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
)

// missedBeats is how many heartbeats an agent may leave out before it is lost.
const missedBeats = 3

// beat takes in a heartbeat. It returns the attempts named that are over, and
// whether the agent had been declared lost. An agent that the fold does not
// know (yet) is ignored.
func (f *fleet) beat(k key, held []Held, now time.Time) (m *member, over []Revocation) {
	m = f.member(k)
	if m == nil {
		return nil, nil
	}
	m.heard, m.silentAt = now, time.Time{}
	for _, h := range held {
		w := f.works[key{k.tenant, h.Task}]
		switch {
		case w == nil:
			over = append(over, Revocation{Task: h.Task, Attempt: h.Attempt, Reason: "the task is finished"})
		case w.loading > 0 || w.readOnly != "" || h.Attempt > w.state().Attempt:
			// The fold is behind the agent, or cannot tell.
		case h.Attempt == w.state().Attempt && w.slot == m:
			w.sign, w.named = now, true
		default:
			over = append(over, Revocation{Task: h.Task, Attempt: h.Attempt, Reason: "the attempt is not the task's current one"})
		}
	}
	return m, over
}

// liveness finds agents that have been silent for too long.
type liveness struct {
	window time.Duration
	since  time.Time // silence before this time does not count
}

// restart gives every agent a full window from now: after a take-over, or
// when this node may not have heard what was sent.
func (l *liveness) restart(now time.Time) { l.since = now }

// silent reports whether the agent is to be declared lost: it was found
// silent, and the right to act was confirmed after that.
func (l *liveness) silent(m *member, now, confirmed time.Time) bool {
	s := m.loaded.State.Status
	if m.readOnly != "" || now.Before(m.busy) || s != agent.StatusActive && s != agent.StatusDraining {
		return false
	}
	heard := m.heard
	if heard.Before(l.since) {
		heard = l.since
	}
	if now.Sub(heard) <= l.window {
		m.silentAt = time.Time{}
		return false
	}
	if m.silentAt.IsZero() {
		m.silentAt = now
	}
	return !confirmed.Before(m.silentAt)
}
