package commands

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Appended is told how a worker's command ended. It is called exactly once,
// from the committer, and must not block.
type Appended func(eventstore.Receipt, error)

// The commands below are the workers'. They decide from the state that the
// worker folded itself and append without waiting: a stale state costs a
// conflict, after which the tail tells the worker what it missed.

// AssignTask gives a waiting task to an agent.
func (s *Service) AssignTask(tenant string, st eventstore.Loaded[task.Task], agentID string, done Appended) {
	events, err := st.State.Assign(agentID, s.now())
	s.actOnTask("task.assign", tenant, st, events, err, done)
}

// ExpireLease ends an attempt that was silent for too long.
func (s *Service) ExpireLease(tenant string, st eventstore.Loaded[task.Task], attempt int, reason string, done Appended) {
	events, err := st.State.ExpireLease(attempt, reason, s.now())
	s.actOnTask("task.expire", tenant, st, events, err, done)
}

// TakeBackTask takes an attempt from an agent that left in order; it costs no attempt.
func (s *Service) TakeBackTask(tenant string, st eventstore.Loaded[task.Task], attempt int, reason string, done Appended) {
	events, err := st.State.Return(attempt, st.State.Agent, reason)
	s.actOnTask("task.take_back", tenant, st, events, err, done)
}

// ExceedDeadline ends a task whose deadline has passed.
func (s *Service) ExceedDeadline(tenant string, st eventstore.Loaded[task.Task], done Appended) {
	events, err := st.State.ExceedDeadline(s.now())
	s.actOnTask("task.exceed", tenant, st, events, err, done)
}

// RememberTask keeps the warm state of a task current: a worker folded next
// from the state at sequence after and the events of one command of its own.
func (s *Service) RememberTask(tenant string, after uint64, next eventstore.Loaded[task.Task], command string) {
	next.State.Spec.Input = domain.Payload{} // as foldLean
	s.tasks.Put(eventstore.Entity{Tenant: tenant, Kind: kindTask, ID: next.State.ID}, after, next, command)
}

// LoseAgent declares an agent lost that was last heard at lastSeen.
func (s *Service) LoseAgent(tenant string, st eventstore.Loaded[agent.Agent], lastSeen time.Time, done Appended) {
	events, err := st.State.Lose(lastSeen)
	s.actOnAgent("agent.lose", tenant, st, events, err, done)
}

// ReturnAgent brings a lost agent back after it was heard again.
func (s *Service) ReturnAgent(tenant string, st eventstore.Loaded[agent.Agent], done Appended) {
	events, err := st.State.Return()
	s.actOnAgent("agent.return", tenant, st, events, err, done)
}

func (s *Service) actOnTask(command, tenant string, st eventstore.Loaded[task.Task], events []task.Event, err error, done Appended) {
	var encoded []eventstore.NewEvent
	if err == nil {
		encoded, err = encode(task.Schema, events)
	}
	s.act(command, eventstore.Write{
		Entity: eventstore.Entity{Tenant: tenant, Kind: kindTask, ID: st.State.ID}, Expect: st.Seq, Events: encoded,
	}, err, done)
}

func (s *Service) actOnAgent(command, tenant string, st eventstore.Loaded[agent.Agent], events []agent.Event, err error, done Appended) {
	var encoded []eventstore.NewEvent
	if err == nil {
		encoded, err = encode(agent.Schema, events)
	}
	s.act(command, eventstore.Write{
		Entity: eventstore.Entity{Tenant: tenant, Kind: kindAgent, ID: st.State.ID}, Expect: st.Seq, Events: encoded,
	}, err, done)
}

// act appends what a worker decided.
func (s *Service) act(command string, w eventstore.Write, err error, done Appended) {
	began := s.now()
	by := system(w.Entity.Tenant)
	if err == nil {
		err = s.Authorise(by, command, identity.Resource{})
	}
	if err != nil || len(w.Events) == 0 {
		s.observe(command, s.now().Sub(began), err)
		done(eventstore.Receipt{}, err)
		return
	}
	d := eventstore.Decision{Command: s.envelope(by, Meta{}), Writes: []eventstore.Write{w}}
	s.store.AppendAsync(d, func(r eventstore.Receipt, err error) {
		s.observe(command, s.now().Sub(began), err)
		done(r, err)
	})
}
