package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// parallelMemories is how many items of a batch are on their way at a time;
// the log commits them in groups.
const parallelMemories = 256

// Reading says what an actor may recall.
type Reading struct {
	All    bool           // of its tenant
	Scopes []memory.Scope // otherwise these
}

// Allows reports whether an item of a scope may be recalled.
func (r Reading) Allows(scope memory.Scope) bool { return r.All || slices.Contains(r.Scopes, scope) }

// MemoryReading returns what an actor may recall: what everybody of the tenant
// may, what its teams may, and its own; or all of it. Somebody acted for
// narrows the teams to those of both. It fails with kind Denied.
func (s *Service) MemoryReading(by domain.Actor) (Reading, error) {
	if s.Decide(by, "memory.read_all", identity.Resource{Kind: kindMemory}).Allowed {
		return Reading{All: true}, nil
	}
	if err := s.Authorise(by, "memory.read", identity.Resource{Kind: kindMemory}); err != nil {
		return Reading{}, err
	}
	r := Reading{Scopes: []memory.Scope{memory.TenantScope, memory.AgentScope(by.ID)}}
	if by.HomeTenant() != by.Tenant {
		return r, nil // a guest is in no team here
	}
	teams := s.directory.Teams(by.Tenant, by.ID)
	if by.For != "" {
		of := s.directory.Teams(by.Tenant, by.For)
		teams = slices.DeleteFunc(slices.Clone(teams), func(t string) bool { return !slices.Contains(of, t) })
	}
	for _, t := range teams {
		r.Scopes = append(r.Scopes, memory.TeamScope(t))
	}
	return r, nil
}

// Remember keeps an item. The same content of the same kind about the same
// subject in the same scope is the same item: remembering it again strengthens
// it, and brings it back when it had been forgotten. The scope must be one
// that the actor may recall.
func (s *Service) Remember(ctx context.Context, by domain.Actor, m Meta, spec memory.Spec) (Result, error) {
	if spec.Source.Type == "" {
		spec.Source = sourceOf(by)
	}
	spec = spec.WithDefaults()
	if m.ID == "" && m.Key != "" {
		m.ID = keyedID(by.Tenant, by.ID, "memory.remember", m.Key)
	}
	return s.run(by, "memory.write", m, aboutMemory("", spec), func(cmd eventstore.Command) (Result, error) {
		if err := s.mayKeep(by, spec.Scope); err != nil {
			return Result{}, err
		}
		return s.changeMemory(ctx, by.Tenant, cmd, memoryID(by.Tenant, spec, 0), func(i memory.Item) ([]memory.Event, error) {
			return i.Remember(spec, cmd.Time)
		})
	})
}

// Remembering is one item of a batch.
type Remembering struct {
	Meta Meta
	Spec memory.Spec
}

// RememberAll keeps up to MaxBatch items. Each stands for itself.
func (s *Service) RememberAll(ctx context.Context, by domain.Actor, items []Remembering) []ItemResult {
	results := make([]ItemResult, len(items))
	var g errgroup.Group
	g.SetLimit(parallelMemories)
	for i, item := range items {
		g.Go(func() error {
			res, err := s.Remember(ctx, by, item.Meta, item.Spec)
			results[i] = ItemResult{Result: res, Err: err}
			return nil
		})
	}
	_ = g.Wait() // each item has its own error
	return results
}

// SupersedeMemory says that another item holds in place of this one.
func (s *Service) SupersedeMemory(ctx context.Context, by domain.Actor, m Meta, id, successor, reason string) (Result, error) {
	return s.updateMemory(ctx, by, m, id, reason, func(i memory.Item) ([]memory.Event, error) {
		if _, err := entity(by.Tenant, kindMemory, "by", successor); err != nil {
			return nil, err
		}
		if err := s.recallable(ctx, by, successor); err != nil {
			return nil, err
		}
		return i.Supersede(successor, reason)
	})
}

// CorrectMemory replaces what an item says.
func (s *Service) CorrectMemory(ctx context.Context, by domain.Actor, m Meta, id string, c memory.Correction) (Result, error) {
	return s.updateMemory(ctx, by, m, id, c.Reason, func(i memory.Item) ([]memory.Event, error) { return i.Correct(c) })
}

// ForgetMemory takes an item out of every search. Its history stays.
func (s *Service) ForgetMemory(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.updateMemory(ctx, by, m, id, reason, func(i memory.Item) ([]memory.Event, error) { return i.Forget(reason) })
}

// RestoreMemory undoes that an item was forgotten, superseded or merged.
func (s *Service) RestoreMemory(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.updateMemory(ctx, by, m, id, reason, func(i memory.Item) ([]memory.Event, error) { return i.Restore(reason) })
}

// ReinforceMemory says that an item was used, and whether it helped. It needs
// no more than the right to recall the item.
func (s *Service) ReinforceMemory(ctx context.Context, by domain.Actor, m Meta, id string, how memory.Reason, task string) (Result, error) {
	return s.run(by, "memory.read", m, aboutMemory(id, memory.Spec{}), func(cmd eventstore.Command) (Result, error) {
		if err := s.recallable(ctx, by, id); err != nil {
			return Result{}, err
		}
		return s.changeMemory(ctx, by.Tenant, cmd, id, func(i memory.Item) ([]memory.Event, error) { return i.Reinforce(how, task) })
	})
}

// updateMemory changes an item that the actor may recall and change.
func (s *Service) updateMemory(ctx context.Context, by domain.Actor, m Meta, id, reason string, decide func(memory.Item) ([]memory.Event, error)) (Result, error) {
	return s.run(by, "memory.write", m, aboutMemory(id, memory.Spec{}), func(cmd eventstore.Command) (Result, error) {
		if err := checkText("reason", reason); err != nil {
			return Result{}, err
		}
		if err := s.recallable(ctx, by, id); err != nil {
			return Result{}, err
		}
		return s.changeMemory(ctx, by.Tenant, cmd, id, decide)
	})
}

// recallable refuses an item that the actor may not recall, as one that is not
// there.
func (s *Service) recallable(ctx context.Context, by domain.Actor, id string) error {
	e, err := entity(by.Tenant, kindMemory, "id", id)
	if err != nil {
		return err
	}
	st, err := s.memories.Load(ctx, e)
	if err != nil {
		return fmt.Errorf("load item %s: %w", id, err)
	}
	r, err := s.MemoryReading(by)
	if err != nil {
		return err
	}
	if !st.State.Exists() || !r.Allows(st.State.Scope) {
		return memory.ErrNotFound
	}
	return nil
}

// mayKeep refuses a scope that the actor could not recall from.
func (s *Service) mayKeep(by domain.Actor, scope memory.Scope) error {
	if err := memory.CheckScope("scope", scope); err != nil {
		return err
	}
	r, err := s.MemoryReading(by)
	if err != nil {
		return err
	}
	if !r.Allows(scope) {
		return domain.InvalidField("scope", "%q is not one of yours: you may use tenant, the teams that you are in, and agent:%s", scope, by.ID)
	}
	return nil
}

func (s *Service) changeMemory(ctx context.Context, tenant string, cmd eventstore.Command, id string, decide func(memory.Item) ([]memory.Event, error)) (Result, error) {
	e, err := entity(tenant, kindMemory, "id", id)
	if err != nil {
		return Result{}, err
	}
	seq, receipt, err := s.memories.Update(ctx, e, cmd, func(i memory.Item) ([]eventstore.NewEvent, error) {
		events, err := decide(i)
		if err != nil {
			return nil, err
		}
		return encode(memory.Schema, events)
	})
	if err != nil {
		return Result{}, fmt.Errorf("change item %s: %w", id, err)
	}
	return Result{ID: id, Seq: seq, Repeat: receipt.Repeat}, nil
}

// memoryID derives an item's id from what makes it what it is. nth tells the
// same passage of one document apart.
func memoryID(tenant string, spec memory.Spec, nth int) string {
	document := ""
	if spec.Place != nil {
		document = spec.Place.Document
	}
	return keyedID(tenant, kindMemory, string(spec.Scope), string(spec.Kind), spec.Subject, spec.Hash(), document, strconv.Itoa(nth))
}

func sourceOf(by domain.Actor) memory.Source {
	if by.Kind == domain.Agent {
		return memory.Source{Type: memory.SourceAgent, ID: by.ID}
	}
	return memory.Source{Type: memory.SourcePerson, ID: by.ID}
}

func aboutMemory(id string, spec memory.Spec) identity.Resource {
	return identity.Resource{Kind: kindMemory, ID: id, Attributes: func() map[string]any {
		return map[string]any{"kind": string(spec.Kind), "scope": string(spec.Scope), "tags": spec.Tags, "subject": spec.Subject}
	}}
}

func foldMemory(i memory.Item, r eventstore.Record) (memory.Item, error) {
	i.ID = r.Entity.ID
	return fold(i, r, memory.Decode, func(i memory.Item, e memory.Event, at time.Time) memory.Item { return i.Apply(e, at) })
}
