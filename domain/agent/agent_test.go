package agent_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
)

func spec() agent.Spec { return agent.Spec{Name: "crawler-1", Capacity: 1} }

func registered() []agent.Event { return []agent.Event{agent.Registered{Spec: spec()}} }

func with(more ...agent.Event) []agent.Event { return append(registered(), more...) }

func fold(events []agent.Event) agent.Agent {
	a := agent.Agent{ID: "0195a0a0-0000-7000-8000-000000000001"}
	for i, e := range events {
		a = a.Apply(e, instant(i))
	}
	return a
}

func instant(s int) time.Time { return time.Date(2026, 3, 1, 12, 0, s, 0, time.UTC) }

type decision func(agent.Agent) ([]agent.Event, error)

func register(change func(*agent.Spec)) decision {
	return func(a agent.Agent) ([]agent.Event, error) {
		s := spec()
		change(&s)
		return a.Register(s)
	}
}

func asBefore(*agent.Spec) {}

func drain(a agent.Agent) ([]agent.Event, error) { return a.Drain("maintenance") }

func checkpoint() agent.Checkpoint {
	return agent.Checkpoint{Memory: "0195a0a0-0000-7000-8000-000000000002", Digest: "sha256:2c26b46b"}
}

func slept() agent.Slept { return agent.Slept{Checkpoint: checkpoint(), Reason: "night"} }

func sleep(running int) decision {
	return func(a agent.Agent) ([]agent.Event, error) { return a.Sleep(checkpoint(), "night", running) }
}

func lose(a agent.Agent) ([]agent.Event, error) { return a.Lose(instant(9)) }

func TestDecisions(t *testing.T) {
	t.Parallel()
	larger := spec()
	larger.Capacity = 8
	grow := func(s *agent.Spec) { s.Capacity = 8 }
	for _, tt := range []struct {
		name        string
		given, then []agent.Event
		when        decision
	}{
		{"a new agent", nil, registered(), register(asBefore)},
		{"capacity 0 means 1", nil, registered(), register(func(s *agent.Spec) { s.Capacity = 0 })},
		{"registered again", registered(), nil, register(asBefore)},
		{"empty lists are no lists", registered(), nil, register(func(s *agent.Spec) {
			s.Capabilities, s.Queues, s.Labels = []string{}, []string{}, map[string]string{}
		})},
		{"other properties", registered(), []agent.Event{agent.Updated{Spec: larger}}, register(grow)},
		{"back after it was lost", with(agent.Lost{}), []agent.Event{agent.Returned{}}, register(asBefore)},
		{"back after it left, larger", with(agent.Left{}), []agent.Event{agent.Updated{Spec: larger}, agent.Returned{}}, register(grow)},
		{"drained", registered(), []agent.Event{agent.Draining{Reason: "maintenance"}}, drain},
		{"drained while lost", with(agent.Lost{}), []agent.Event{agent.Draining{Reason: "maintenance"}}, drain},
		{"drained twice", with(agent.Draining{}), nil, drain},
		{"resumed", with(agent.Draining{}), []agent.Event{agent.Resumed{}}, agent.Agent.Resume},
		{"resumed without need", registered(), nil, agent.Agent.Resume},
		{"lost", registered(), []agent.Event{agent.Lost{LastSeen: instant(9)}}, lose},
		{"lost while draining", with(agent.Draining{}), []agent.Event{agent.Lost{LastSeen: instant(9)}}, lose},
		{"lost twice", with(agent.Lost{}), nil, lose},
		{"lost after it left", with(agent.Left{}), nil, lose},
		{"heard again", with(agent.Lost{}), []agent.Event{agent.Returned{}}, agent.Agent.Return},
		{"heard while active", registered(), nil, agent.Agent.Return},
		{"a late heartbeat does not bring back who left", with(agent.Left{}), nil, agent.Agent.Return},
		{"leaves", registered(), []agent.Event{agent.Left{}}, agent.Agent.Leave},
		{"leaves although thought lost", with(agent.Lost{}), []agent.Event{agent.Left{}}, agent.Agent.Leave},
		{"put to sleep", registered(), []agent.Event{slept()}, sleep(0)},
		{"put to sleep after it drained", with(agent.Draining{}), []agent.Event{slept()}, sleep(0)},
		{"put to sleep while lost", with(agent.Lost{}), []agent.Event{slept()}, sleep(0)},
		{"put to sleep twice", with(slept()), nil, sleep(0)},
		{"woken", with(slept()), []agent.Event{agent.Woken{}}, agent.Agent.Wake},
		{"silent while asleep", with(slept()), nil, lose},
		{"a heartbeat does not wake", with(slept()), nil, agent.Agent.Return},
		{"its process ends while it sleeps", with(slept()), nil, agent.Agent.Leave},
		{"its process starts while it sleeps", with(slept()), []agent.Event{agent.Updated{Spec: larger}}, register(grow)},
		{"leaves twice", with(agent.Left{}), nil, agent.Agent.Leave},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(fold(tt.given))
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if diff := cmp.Diff(tt.then, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachPropertyIsNoticed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*agent.Spec){
		"capabilities": func(s *agent.Spec) { s.Capabilities = []string{"gpu"} },
		"queues":       func(s *agent.Spec) { s.Queues = []string{"reports"} },
		"capacity":     func(s *agent.Spec) { s.Capacity = 2 },
		"version":      func(s *agent.Spec) { s.Version = "2" },
		"labels":       func(s *agent.Spec) { s.Labels = map[string]string{"env": ""} },
	} {
		got, err := register(change)(fold(registered()))
		want := spec()
		change(&want)
		if diff := cmp.Diff([]agent.Event{agent.Updated{Spec: want}}, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	other := func(a agent.Agent) ([]agent.Event, error) { return a.Sleep(agent.Checkpoint{}, "", 0) }
	for _, tt := range []struct {
		name  string
		given []agent.Event
		when  decision
		want  error
	}{
		{"sleep while it runs tasks", registered(), sleep(1), agent.ErrBusy},
		{"sleep after it left", with(agent.Left{}), sleep(0), agent.ErrLeft},
		{"sleep again, with another checkpoint", with(slept()), other, agent.ErrAsleep},
		{"wake one that is active", registered(), agent.Agent.Wake, agent.ErrNotAsleep},
		{"wake one that is lost", with(agent.Lost{}), agent.Agent.Wake, agent.ErrNotAsleep},
		{"wake twice", with(slept(), agent.Woken{}), agent.Agent.Wake, agent.ErrNotAsleep},
	} {
		if got, err := tt.when(fold(tt.given)); !errors.Is(err, tt.want) || len(got) > 0 {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestUnknownAgent(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]decision{
		"drain": drain, "resume": agent.Agent.Resume, "lose": lose, "return": agent.Agent.Return, "leave": agent.Agent.Leave,
		"sleep": sleep(0), "wake": agent.Agent.Wake,
	} {
		if got, err := when(agent.Agent{}); !errors.Is(err, agent.ErrNotFound) || len(got) > 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// Each limit: the change fits at the limit and is refused beyond it.
func TestRegisterNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, field string
		given       []agent.Event
		change      func(*agent.Spec)
	}{
		{"no name", "name", nil, func(s *agent.Spec) { s.Name = "" }},
		{"longest name", "", nil, func(s *agent.Spec) { s.Name = strings.Repeat("n", 63) }},
		{"name too long", "name", nil, func(s *agent.Spec) { s.Name = strings.Repeat("n", 64) }},
		{"another name", "name", registered(), func(s *agent.Spec) { s.Name = "crawler-2" }},
		{"most capabilities", "", nil, func(s *agent.Spec) { s.Capabilities = many(agent.MaxCapabilities) }},
		{"too many capabilities", "capabilities", nil, func(s *agent.Spec) { s.Capabilities = many(agent.MaxCapabilities + 1) }},
		{"capability with a comma", "capabilities", nil, func(s *agent.Spec) { s.Capabilities = []string{"a,b"} }},
		{"most queues", "", nil, func(s *agent.Spec) { s.Queues = many(agent.MaxQueues) }},
		{"too many queues", "queues", nil, func(s *agent.Spec) { s.Queues = many(agent.MaxQueues + 1) }},
		{"empty queue", "queues", nil, func(s *agent.Spec) { s.Queues = []string{""} }},
		{"negative capacity", "capacity", nil, func(s *agent.Spec) { s.Capacity = -1 }},
		{"most capacity", "", nil, func(s *agent.Spec) { s.Capacity = agent.MaxCapacity }},
		{"too much capacity", "capacity", nil, func(s *agent.Spec) { s.Capacity = agent.MaxCapacity + 1 }},
		{"longest version", "", nil, func(s *agent.Spec) { s.Version = strings.Repeat("ö", agent.MaxVersion/2) }},
		{"version too long", "version", nil, func(s *agent.Spec) { s.Version = strings.Repeat("v", agent.MaxVersion+1) }},
		{"version with an escape", "version", nil, func(s *agent.Spec) { s.Version = "\x1b[31m1.0" }},
		{"label key with a space", "labels", nil, func(s *agent.Spec) { s.Labels = map[string]string{"a b": ""} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := register(tt.change)(fold(tt.given))
			if tt.field == "" {
				if err != nil || len(got) != 1 {
					t.Fatalf("refused: %v, %v", got, err)
				}
				return
			}
			var e *domain.Error
			if !errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != tt.field || len(got) > 0 {
				t.Errorf("%v, %v; want a refusal about %s", got, err, tt.field)
			}
		})
	}
}

func many(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "c" + strings.Repeat("x", i%60)
	}
	return names
}
