package commands

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/drill"
	"github.com/hivemesh/hivemesh/eventstore"
)

// EndDrill records the outcome of a drill.
func (s *Service) EndDrill(ctx context.Context, outcome drill.Event) (Result, error) {
	return s.asMesh(domain.DefaultTenant, "drill.end", func(cmd eventstore.Command) (Result, error) {
		events, err := drill.End(outcome)
		if err != nil {
			return Result{}, err
		}
		encoded, err := encode(drill.Schema, events)
		if err != nil {
			return Result{}, err
		}
		e := eventstore.Entity{Tenant: domain.DefaultTenant, Kind: drill.EntityKind, ID: newID()}
		receipt, err := s.store.Append(ctx, eventstore.Decision{Command: cmd, Writes: []eventstore.Write{{Entity: e, Events: encoded}}})
		if err != nil {
			return Result{}, fmt.Errorf("record the drill: %w", err)
		}
		return Result{ID: e.ID, Seq: receipt.Last()}, nil
	})
}
