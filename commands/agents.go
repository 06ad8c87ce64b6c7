package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/name"
	"github.com/hivemesh/hivemesh/eventstore"
)

// registerTries bounds how often two takers of one name may meet.
const registerTries = 8

// RegisterAgent makes an agent, or brings the one of this name back with what
// it says about itself now. The name is reserved in the same append.
func (s *Service) RegisterAgent(ctx context.Context, by domain.Actor, m Meta, spec agent.Spec) (Result, error) {
	about := identity.Resource{Kind: kindAgent, Attributes: func() map[string]any { return agentAttributes(spec) }}
	return s.run(by, "agent.register", m, about, func(cmd eventstore.Command) (Result, error) {
		if by.Kind == domain.Agent {
			if err := s.asJoined(by, &spec); err != nil {
				return Result{}, err
			}
		}
		look := s.names.Load
		var conflict *eventstore.ConflictError
		for range registerTries {
			res, err := s.register(ctx, by, cmd, spec, look)
			if !errors.As(err, &conflict) {
				return res, err
			}
			look = s.names.Reload
		}
		return Result{}, fmt.Errorf("register agent: %w", conflict)
	})
}

// asJoined holds an agent to the name under which it joined the mesh.
func (s *Service) asJoined(by domain.Actor, spec *agent.Spec) error {
	p, _ := s.directory.Principal(identity.Ref{Tenant: by.HomeTenant(), ID: by.ID})
	if spec.Name == "" {
		spec.Name = p.Name
	}
	if spec.Name != p.Name {
		return domain.InvalidField("name", "the agent joined the mesh as %q", p.Name)
	}
	return nil
}

// lookup is how the state of a name is read.
type lookup func(context.Context, eventstore.Entity) (eventstore.Loaded[name.Name], error)

func (s *Service) register(ctx context.Context, by domain.Actor, cmd eventstore.Command, spec agent.Spec, look lookup) (Result, error) {
	reservation := eventstore.Entity{Tenant: by.Tenant, Kind: kindName, ID: s.nameID(by.Tenant, "agent", spec.Name)}
	held, err := look(ctx, reservation)
	if err != nil {
		return Result{}, fmt.Errorf("look up the agent's name: %w", err)
	}
	if held.State.Owner != "" {
		about := s.AboutAgent(ctx, by, held.State.Owner)
		about.Attributes = func() map[string]any { return agentAttributes(spec) } // what it is to be, not what it was
		if err := s.Authorise(by, "agent.register", about); err != nil {
			return Result{}, err
		}
		return s.updateAgentAs(ctx, by.Tenant, cmd, held.State.Owner, func(a agent.Agent) ([]agent.Event, error) { return a.Register(spec) })
	}
	id := newID()
	if by.Kind == domain.Agent {
		id = by.ID // an agent with an identity of its own is that one agent
	}
	events, err := agent.Agent{ID: id}.Register(spec)
	if err != nil {
		return Result{}, err
	}
	reserve, err := held.State.Hold(id)
	if err != nil {
		return Result{}, err
	}
	return s.appendRegistration(ctx, cmd, reservation, held.Seq, reserve, id, events)
}

// appendRegistration writes the reservation and its owner, both or neither.
func (s *Service) appendRegistration(ctx context.Context, cmd eventstore.Command, reservation eventstore.Entity, seq uint64, reserve []name.Event, id string, events []agent.Event) (Result, error) {
	first, err := encode(name.Schema, reserve)
	if err != nil {
		return Result{}, err
	}
	second, err := encode(agent.Schema, events)
	if err != nil {
		return Result{}, err
	}
	owner := eventstore.Entity{Tenant: reservation.Tenant, Kind: kindAgent, ID: id}
	receipt, err := s.store.Append(ctx, eventstore.Decision{Command: cmd, Writes: []eventstore.Write{
		{Entity: reservation, Expect: seq, Events: first},
		{Entity: owner, Events: second},
	}})
	if err != nil {
		return Result{}, fmt.Errorf("register agent %s: %w", id, err)
	}
	return Result{ID: ownerOf(receipt, id), Seq: receipt.Last(), Repeat: receipt.Repeat}, nil
}

// ownerOf returns the agent that a registration made: when the append turns
// out to be a repeat, the one that was made the first time.
func ownerOf(r eventstore.Receipt, id string) string {
	for _, rec := range r.Records {
		if rec.Entity.Kind == kindAgent {
			return rec.Entity.ID
		}
	}
	return id
}

// DrainAgent stops new work for the agent; what it has, it finishes.
func (s *Service) DrainAgent(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.updateAgent(ctx, by, "agent.drain", m, id, func(a agent.Agent) ([]agent.Event, error) {
		if err := checkText("reason", reason); err != nil {
			return nil, err
		}
		return a.Drain(reason)
	})
}

// ResumeAgent ends draining.
func (s *Service) ResumeAgent(ctx context.Context, by domain.Actor, m Meta, id string) (Result, error) {
	return s.updateAgent(ctx, by, "agent.resume", m, id, agent.Agent.Resume)
}

// LeaveAgent is the agent's own goodbye: it is given no more work, and is not
// missed. It returns by registering again.
func (s *Service) LeaveAgent(ctx context.Context, by domain.Actor, m Meta, id string) (Result, error) {
	return s.updateAgent(ctx, by, "agent.leave", m, id, agent.Agent.Leave)
}

func (s *Service) updateAgent(ctx context.Context, by domain.Actor, command string, m Meta, id string, decide func(agent.Agent) ([]agent.Event, error)) (Result, error) {
	return s.run(by, command, m, s.AboutAgent(ctx, by, id), func(cmd eventstore.Command) (Result, error) {
		return s.updateAgentAs(ctx, by.Tenant, cmd, id, decide)
	})
}

func (s *Service) updateAgentAs(ctx context.Context, tenant string, cmd eventstore.Command, id string, decide func(agent.Agent) ([]agent.Event, error)) (Result, error) {
	e, err := entity(tenant, kindAgent, "agent", id)
	if err != nil {
		return Result{}, err
	}
	seq, receipt, err := s.agents.Update(ctx, e, cmd, func(a agent.Agent) ([]eventstore.NewEvent, error) {
		events, err := decide(a)
		if err != nil {
			return nil, err
		}
		return encode(agent.Schema, events)
	})
	if err != nil {
		return Result{}, fmt.Errorf("change agent %s: %w", id, err)
	}
	return Result{ID: id, Seq: seq, Repeat: receipt.Repeat}, nil
}

// nameID is where the reservation of a name stands: a keyed hash, so that the
// log does not tell the name, in the shape of a UUID (version 8, RFC 9562).
func (s *Service) nameID(tenant, kind, n string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(tenant + "\x00" + kind + "\x00" + n))
	id := uuid.UUID(mac.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// entity names what a caller's id points to; an id that is none is refused
// with its field's name.
func entity(tenant, kind, field, id string) (eventstore.Entity, error) {
	if err := uuid.Validate(id); err != nil || len(id) != 36 {
		return eventstore.Entity{}, domain.InvalidField(field, "%.64q is not an id", id)
	}
	return eventstore.Entity{Tenant: tenant, Kind: kind, ID: id}, nil
}
