package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// checkpointSubject is what every checkpoint is about: the newest of an agent
// supersedes the one before.
const checkpointSubject = "checkpoint"

// Sleep is how an agent is put to sleep.
type Sleep struct {
	Checkpoint string // its state; at most memory.MaxText bytes; empty = none
	Reason     string
	Running    int // tasks that it runs now
}

// SleepAgent puts an agent to sleep. Its checkpoint is remembered in the
// agent's own scope before the agent sleeps, and supersedes the former one.
func (s *Service) SleepAgent(ctx context.Context, by domain.Actor, m Meta, id string, how Sleep) (Result, agent.Checkpoint, error) {
	var c agent.Checkpoint
	res, err := s.run(by, "agent.sleep", m, s.AboutAgent(ctx, by, id), func(cmd eventstore.Command) (Result, error) {
		if err := checkText("reason", how.Reason); err != nil {
			return Result{}, err
		}
		spec, err := checkpointSpec(id, how.Checkpoint, cmd)
		if err != nil {
			return Result{}, err
		}
		c = checkpointOf(by.Tenant, spec)
		former, err := s.agent(ctx, by.Tenant, id)
		if err != nil {
			return Result{}, err
		}
		sleep := func(a agent.Agent) ([]agent.Event, error) { return a.Sleep(c, how.Reason, how.Running) }
		if _, err := sleep(former); err != nil { // before anything is remembered
			return Result{}, err
		}
		if err := s.keepCheckpoint(ctx, by.Tenant, cmd, c, spec); err != nil {
			return Result{}, err
		}
		res, err := s.updateAgentAs(ctx, by.Tenant, cmd, id, sleep)
		if err != nil {
			return Result{}, err
		}
		last, err := s.supersedeCheckpoint(ctx, by.Tenant, cmd, former.Checkpoint, c)
		res.Seq = max(res.Seq, last)
		return res, err
	})
	return res, c, err
}

func checkpointSpec(id, text string, cmd eventstore.Command) (memory.Spec, error) {
	if text == "" {
		return memory.Spec{}, nil
	}
	spec := memory.Spec{
		Text: text, Kind: memory.KindCheckpoint, Scope: memory.AgentScope(id), Subject: checkpointSubject,
		Source: memory.Source{Type: memory.SourceAgent, ID: id},
	}.WithDefaults()
	err := spec.Validate(cmd.Time)
	var known *domain.Error
	if errors.As(err, &known) && known.Field == "text" {
		return spec, domain.InvalidField("checkpoint", "%s", known.Message)
	}
	return spec, err
}

// checkpointOf is what the agent's event says about a checkpoint.
func checkpointOf(tenant string, spec memory.Spec) agent.Checkpoint {
	if spec.Text == "" {
		return agent.Checkpoint{}
	}
	return agent.Checkpoint{Memory: memoryID(tenant, spec, 0), Digest: textDigest(spec.Text)}
}

func textDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *Service) keepCheckpoint(ctx context.Context, tenant string, cmd eventstore.Command, c agent.Checkpoint, spec memory.Spec) error {
	if c.Memory == "" {
		return nil
	}
	_, err := s.changeMemory(ctx, tenant, forPart(cmd, c.Memory), c.Memory, func(i memory.Item) ([]memory.Event, error) {
		return i.Remember(spec, cmd.Time)
	})
	return err
}

// supersedeCheckpoint returns the sequence of its last event, 0 for none.
func (s *Service) supersedeCheckpoint(ctx context.Context, tenant string, cmd eventstore.Command, former, c agent.Checkpoint) (uint64, error) {
	if former.Memory == "" || c.Memory == "" || former.Memory == c.Memory {
		return 0, nil
	}
	res, err := s.changeMemory(ctx, tenant, forPart(cmd, former.Memory), former.Memory, func(i memory.Item) ([]memory.Event, error) {
		if i.Status != memory.StatusLive {
			return nil, nil
		}
		return i.Supersede(c.Memory, "newer checkpoint")
	})
	return res.Seq, err
}

// Woken is what an agent finds when it wakes.
type Woken struct {
	agent.Checkpoint

	Text    string // of the checkpoint
	Problem string // why the checkpoint is not what the agent slept with, or why it is not told
}

// WakeAgent ends the sleep of an agent and returns its checkpoint. The text is
// told to the agent, to who answers for it, and to who may recall everything.
func (s *Service) WakeAgent(ctx context.Context, by domain.Actor, m Meta, id string) (Result, Woken, error) {
	var w Woken
	res, err := s.run(by, "agent.wake", m, s.AboutAgent(ctx, by, id), func(cmd eventstore.Command) (Result, error) {
		res, err := s.updateAgentAs(ctx, by.Tenant, cmd, id, agent.Agent.Wake)
		if err != nil {
			return Result{}, err
		}
		a, err := s.agent(ctx, by.Tenant, id)
		if err != nil {
			return Result{}, err
		}
		w, err = s.checkpoint(ctx, by, a)
		return res, err
	})
	return res, w, err
}

// checkpoint reads what an agent slept with.
func (s *Service) checkpoint(ctx context.Context, by domain.Actor, a agent.Agent) (Woken, error) {
	w := Woken{Checkpoint: a.Checkpoint}
	if w.Memory == "" {
		return w, nil
	}
	if !s.SharesMemory(by, a) {
		w.Problem = "the checkpoint is told to the agent and to who answers for it only"
		return w, nil
	}
	st, err := s.memories.Load(ctx, eventstore.Entity{Tenant: by.Tenant, Kind: kindMemory, ID: w.Memory})
	if err != nil {
		return w, fmt.Errorf("load checkpoint %s: %w", w.Memory, err)
	}
	switch i := st.State; {
	case i.Status == memory.StatusForgotten:
		w.Problem = "the checkpoint was forgotten"
	case textDigest(i.Text) != w.Digest:
		w.Text, w.Problem = i.Text, "the checkpoint was changed while the agent slept: its digest is "+textDigest(i.Text)
	default:
		w.Text = i.Text
	}
	return w, nil
}

// SharesMemory reports whether an actor may see what is an agent's own: it is
// the agent, answers for it, or may recall everything.
func (s *Service) SharesMemory(by domain.Actor, a agent.Agent) bool {
	if by.ID == a.ID || by.ID == a.Owner {
		return true
	}
	return s.Decide(by, "memory.read_all", identity.Resource{Kind: kindMemory}).Allowed
}

// AgentReading returns what an agent may recall: as a principal of its own what
// that one may; else what everybody of the tenant, the teams of who answers
// for it, and the agent itself may. It fails with kind Denied when neither may
// recall anything, and with agent.ErrNotFound.
func (s *Service) AgentReading(ctx context.Context, tenant, id string) (agent.Agent, Reading, error) {
	a, err := s.agent(ctx, tenant, id)
	if err != nil {
		return a, Reading{}, err
	}
	as, home := id, tenant
	p, known := s.directory.Principal(identity.Ref{Tenant: tenant, ID: id})
	if !known {
		as = a.Owner
		if p, known = s.directory.Principal(identity.Ref{Tenant: tenant, ID: as}); !known {
			home = domain.DefaultTenant
			p, _ = s.directory.Principal(identity.Ref{Tenant: home, ID: as})
		}
	}
	r, err := s.MemoryReading(domain.Actor{Tenant: tenant, ID: as, Kind: p.Kind, Home: home})
	if err != nil || as == id {
		return a, r, err
	}
	own := Reading{Scopes: []memory.Scope{memory.TenantScope, memory.AgentScope(id)}}
	for _, t := range s.directory.Teams(tenant, as) {
		if home == tenant {
			own.Scopes = append(own.Scopes, memory.TeamScope(t))
		}
	}
	return a, own, nil
}

// agent returns the state of an agent that exists.
func (s *Service) agent(ctx context.Context, tenant, id string) (agent.Agent, error) {
	e, err := entity(tenant, kindAgent, "agent", id)
	if err != nil {
		return agent.Agent{}, err
	}
	st, err := s.agents.Load(ctx, e)
	if err != nil {
		return agent.Agent{}, fmt.Errorf("load agent %s: %w", id, err)
	}
	if !st.State.Exists() {
		return agent.Agent{}, agent.ErrNotFound
	}
	return st.State, nil
}
