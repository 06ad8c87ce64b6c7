package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/embedding"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// What the embedder and the curator write. They act as the mesh itself.

// MemoryText returns an item as it stands, for the mesh's own workers.
func (s *Service) MemoryText(ctx context.Context, tenant, id string) (memory.Item, error) {
	e := eventstore.Entity{Tenant: tenant, Kind: kindMemory, ID: id}
	st, err := s.memories.Load(ctx, e)
	if err == nil && !st.State.Exists() { // the warm state is older than what the caller has heard
		st, err = s.memories.Reload(ctx, e)
	}
	if err != nil {
		return memory.Item{}, fmt.Errorf("load item %s: %w", id, err)
	}
	return st.State, nil
}

// EmbedMemory keeps what a model made of an item. It fails with
// memory.ErrStale when the item says something else by now.
func (s *Service) EmbedMemory(ctx context.Context, tenant, id string, e memory.Embedded) (Result, error) {
	return s.asMesh(tenant, "memory.embed", func(cmd eventstore.Command) (Result, error) {
		return s.changeMemory(ctx, tenant, cmd, id, func(i memory.Item) ([]memory.Event, error) { return i.Embed(e) })
	})
}

// MergeMemory puts an item into another that says the same, and strengthens
// that one.
func (s *Service) MergeMemory(ctx context.Context, tenant, id, into string, distance float64) (Result, error) {
	return s.asMesh(tenant, "memory.merge", func(cmd eventstore.Command) (Result, error) {
		res, err := s.changeMemory(ctx, tenant, cmd, id, func(i memory.Item) ([]memory.Event, error) { return i.Merge(into, distance) })
		if err != nil {
			return res, err
		}
		_, err = s.changeMemory(ctx, tenant, forPart(cmd, into), into, func(i memory.Item) ([]memory.Event, error) {
			return i.Repeat(id)
		})
		return res, err
	})
}

// ReplaceMemory supersedes an item by a newer one about the same subject.
func (s *Service) ReplaceMemory(ctx context.Context, tenant, id, by string) (Result, error) {
	return s.asMesh(tenant, "memory.supersede", func(cmd eventstore.Command) (Result, error) {
		return s.changeMemory(ctx, tenant, cmd, id, func(i memory.Item) ([]memory.Event, error) {
			return i.Supersede(by, "there is something newer about the subject")
		})
	})
}

// Models returns the register of embedding models.
func (s *Service) Models(ctx context.Context) (embedding.Registry, error) {
	st, err := s.models.Load(ctx, eventstore.Entity{Tenant: domain.DefaultTenant, Kind: kindEmbedding, ID: keyedID(kindEmbedding)})
	if err != nil {
		return embedding.Registry{}, fmt.Errorf("load the embedding models: %w", err)
	}
	return st.State, nil
}

// AddModel makes an embedding model known to the mesh; the first is used for
// searches at once.
func (s *Service) AddModel(ctx context.Context, model string, dimensions int) (Result, error) {
	return s.changeModels(ctx, "embedding.add", func(r embedding.Registry) ([]embedding.Event, error) { return r.Add(model, dimensions) })
}

// ActivateModel makes searches use a model.
func (s *Service) ActivateModel(ctx context.Context, model string) (Result, error) {
	return s.changeModels(ctx, "embedding.activate", func(r embedding.Registry) ([]embedding.Event, error) { return r.Activate(model) })
}

func (s *Service) changeModels(ctx context.Context, command string, decide func(embedding.Registry) ([]embedding.Event, error)) (Result, error) {
	return s.asMesh(domain.DefaultTenant, command, func(cmd eventstore.Command) (Result, error) {
		e := eventstore.Entity{Tenant: domain.DefaultTenant, Kind: kindEmbedding, ID: keyedID(kindEmbedding)}
		seq, receipt, err := s.models.Update(ctx, e, cmd, func(r embedding.Registry) ([]eventstore.NewEvent, error) {
			events, err := decide(r)
			if err != nil {
				return nil, err
			}
			return encode(embedding.Schema, events)
		})
		return Result{ID: e.ID, Seq: seq, Repeat: receipt.Repeat}, err
	})
}

// asMesh runs a command of the mesh's own workers.
func (s *Service) asMesh(tenant, command string, do func(eventstore.Command) (Result, error)) (Result, error) {
	began := s.now()
	res, err := do(s.envelope(system(tenant), Meta{}))
	return res, s.ended(command, began, err)
}

func foldModels(r embedding.Registry, rec eventstore.Record) (embedding.Registry, error) {
	return fold(r, rec, embedding.Decode, func(r embedding.Registry, e embedding.Event, _ time.Time) embedding.Registry { return r.Apply(e) })
}
