package workers

import (
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Work that agents hand back costs no attempt, so that nothing else would end
// a loop of assigning and handing back. An agent that does it is given nothing
// for a pause that doubles each time in a row: others come first, and one that
// takes nothing cannot draw all work to itself. A task that was handed back
// more than once in a row rests likewise, so that it costs the agents that
// cannot do it little. A row ends when an attempt completes or fails.
const (
	firstRest = time.Second
	agentRest = 30 * time.Second // at most
	taskRest  = time.Minute      // at most
)

// quietBeats is how many heartbeats an agent may leave out before it is given
// no new work: what it got would most likely expire, and cost an attempt.
const quietBeats = 2

// aside is why an agent that is active is given no new work for now.
type aside int

const (
	notAside     aside = iota
	asideSilent        // not heard of for quietBeats heartbeats
	asideResting       // it handed work back
)

// asideAt says whether the agent is to be set aside. Silence counts from since
// at the earliest.
func (m *member) asideAt(now, since time.Time, quiet time.Duration) aside {
	heard := m.heard
	if heard.Before(since) {
		heard = since
	}
	switch {
	case now.Sub(heard) > quiet:
		return asideSilent
	case now.Before(m.restUntil):
		return asideResting
	default:
		return notAside
	}
}

// setAside puts the agent where it belongs after what it is set aside for may
// have changed.
func (f *fleet) setAside(m *member, a aside) {
	if m.aside != a {
		m.aside = a
		f.match.place(m)
	}
}

// attend looks at every agent: who is set aside, and who is present.
func (f *fleet) attend(now, since time.Time, quiet time.Duration) {
	f.present = 0
	for _, m := range f.agents {
		f.setAside(m, m.asideAt(now, since, quiet))
		if s := m.loaded.State.Status; s == agent.StatusActive || s == agent.StatusDraining {
			f.present++
		}
	}
}

// handedBack takes in how the attempt that m held ended. Rests run from the
// event's time, so that those of long ago are over when the log is read again.
func (f *fleet) handedBack(w *work, m *member, r eventstore.Record, now time.Time) {
	switch {
	case r.Type == task.Completed{}.Type() || r.Type == task.AttemptFailed{}.Type():
		w.returns = 0
		if m != nil {
			m.returns = 0
		}
	case r.Type == task.AssignmentReturned{}.Type() && r.Actor != commands.SystemActor:
		at := r.Time
		if at.After(now) {
			at = now
		}
		if w.returns++; w.returns > 1 {
			w.restUntil = at.Add(rest(w.returns-1, taskRest))
		}
		if m == nil || at.Before(m.restUntil) {
			return // what comes back during a rest is part of the same refusal
		}
		m.returns++
		m.restUntil = at.Add(rest(m.returns, agentRest))
		if now.Before(m.restUntil) && m.aside == notAside {
			f.setAside(m, asideResting)
		}
	}
}

// rest is how long the n-th rest in a row is.
func rest(n int, most time.Duration) time.Duration {
	return min(most, firstRest<<min(n-1, 8))
}
