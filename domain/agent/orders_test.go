package agent_test

import (
	"testing"

	"github.com/hivemesh/hivemesh/domain/agent"
)

// model is what an agent should be, said in another way than by statuses.
type model struct {
	known, draining bool
	away            agent.Status // lost, left, asleep, or "" for there
}

func (m model) status() agent.Status {
	switch {
	case !m.known:
		return ""
	case m.away != "":
		return m.away
	case m.draining:
		return agent.StatusDraining
	default:
		return agent.StatusActive
	}
}

// refuses says what is refused of a known agent.
func (m model) refuses(step string) bool {
	return step == "sleep" && m.away == agent.StatusLeft || step == "wake" && m.away != agent.StatusAsleep
}

// Every order of up to six commands leads to the state that the model says.
func TestAllOrders(t *testing.T) {
	t.Parallel()
	steps := []struct {
		name   string
		decide decision
		model  func(model) model
	}{
		{"register", register(asBefore), func(m model) model {
			if m.known = true; m.away != agent.StatusAsleep {
				m.away = ""
			}
			return m
		}},
		{"drain", drain, func(m model) model { m.draining = m.known; return m }},
		{"resume", agent.Agent.Resume, func(m model) model { m.draining = false; return m }},
		{"lose", lose, func(m model) model {
			if m.known && m.away == "" {
				m.away = agent.StatusLost
			}
			return m
		}},
		{"return", agent.Agent.Return, func(m model) model {
			if m.away == agent.StatusLost {
				m.away = ""
			}
			return m
		}},
		{"leave", agent.Agent.Leave, func(m model) model {
			if m.known && m.away != agent.StatusAsleep {
				m.away = agent.StatusLeft
			}
			return m
		}},
		{"sleep", sleep(0), func(m model) model {
			if m.known && m.away != agent.StatusLeft && m.away != agent.StatusAsleep {
				m.away, m.draining = agent.StatusAsleep, false
			}
			return m
		}},
		{"wake", agent.Agent.Wake, func(m model) model {
			if m.away == agent.StatusAsleep {
				m.away = ""
			}
			return m
		}},
	}
	var walk func(path []string, a agent.Agent, m model)
	walk = func(path []string, a agent.Agent, m model) {
		if a.Status != m.status() || a.Draining != m.draining || a.Exists() != m.known || a.Assignable() != (m.status() == agent.StatusActive) {
			t.Errorf("after %v: %+v, want %+v", path, a, m)
		}
		if len(path) == 6 || t.Failed() {
			return
		}
		for _, s := range steps {
			events, err := s.decide(a)
			if (err == nil) != (m.known || s.name == "register") && !m.refuses(s.name) {
				t.Errorf("%s after %v: %v", s.name, path, err)
			}
			next := a
			for _, e := range events {
				next = next.Apply(e, instant(len(path)))
			}
			walk(append(path[:len(path):len(path)], s.name), next, s.model(m))
		}
	}
	walk(nil, agent.Agent{}, model{})
}
