package commands

import (
	"context"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/task"
)

// What commands are about, as policies see it. What costs a look at the warm
// states is read when a policy asks for it.

// AboutAgent is an agent with who answers for it, as far as it is known.
func (s *Service) AboutAgent(ctx context.Context, by domain.Actor, id string) identity.Resource {
	about := identity.Resource{Kind: kindAgent, ID: id, Attributes: func() map[string]any {
		if st, ok := s.warmAgent(ctx, by, id); ok {
			return agentAttributes(st.Spec)
		}
		return map[string]any{}
	}}
	if id == by.ID || s.mayRepresent(by) {
		return about // whose it is does not matter
	}
	if st, ok := s.warmAgent(ctx, by, id); ok { // else it is nobody's, and only who may represent any agent goes on
		about.Owner = st.Owner
	}
	return about
}

// mayRepresent reports whether an actor may act as any agent, whoever answers
// for it, and no policy looks at that.
func (s *Service) mayRepresent(by domain.Actor) bool {
	t, _ := s.directory.Tenant(by.Tenant)
	return len(t.Policies) == 0 && s.directory.Decide(by, "agent.represent", identity.Resource{}, s.now()).Allowed
}

// aboutTask is a task that was submitted.
func (s *Service) aboutTask(ctx context.Context, by domain.Actor, id string) identity.Resource {
	return identity.Resource{Kind: kindTask, ID: id, Attributes: func() map[string]any {
		if t, ok := s.warmTask(ctx, by, id); ok {
			return taskAttributes(t.Spec)
		}
		return map[string]any{}
	}}
}

// aboutReport is the agent that reports about an attempt, with the task.
func (s *Service) aboutReport(ctx context.Context, by domain.Actor, a AttemptRef) identity.Resource {
	about := s.AboutAgent(ctx, by, a.Agent)
	own := about.Attributes
	about.Attributes = func() map[string]any {
		out := own()
		if t, ok := s.warmTask(ctx, by, a.Task); ok {
			out["task"] = taskAttributes(t.Spec)
		}
		return out
	}
	return about
}

func (s *Service) warmAgent(ctx context.Context, by domain.Actor, id string) (agent.Agent, bool) {
	e, err := entity(by.Tenant, kindAgent, "agent", id)
	if err != nil {
		return agent.Agent{}, false
	}
	st, err := s.agents.Load(ctx, e)
	return st.State, err == nil && st.State.Exists()
}

func (s *Service) warmTask(ctx context.Context, by domain.Actor, id string) (task.Task, bool) {
	e, err := entity(by.Tenant, kindTask, "task", id)
	if err != nil {
		return task.Task{}, false
	}
	st, err := s.tasks.Load(ctx, e)
	return st.State, err == nil && st.State.Exists()
}

func taskAttributes(spec task.Spec) map[string]any {
	return map[string]any{"queue": spec.Queue, "priority": spec.Priority, "capabilities": spec.Capabilities, "labels": spec.Labels}
}

func agentAttributes(spec agent.Spec) map[string]any {
	return map[string]any{"name": spec.Name, "queues": spec.Queues, "capabilities": spec.Capabilities, "labels": spec.Labels}
}
