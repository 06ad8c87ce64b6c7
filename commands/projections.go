package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/domain/projection"
	"github.com/hivemesh/hivemesh/eventstore"
)

// RetryParked asks for the parked events of key (tenant/kind/id) to be applied
// again. Whoever runs the projection does it when it reaches the request.
func (s *Service) RetryParked(ctx context.Context, by domain.Actor, m Meta, name, key string) (Result, error) {
	return s.askProjection(ctx, by, "projection.retry", m, name, func(p projection.Projection) ([]projection.Event, error) {
		return p.Retry(name, key)
	})
}

// SkipParked asks for one parked event to be passed over for good.
func (s *Service) SkipParked(ctx context.Context, by domain.Actor, m Meta, name, key string, seq uint64, reason string) (Result, error) {
	return s.askProjection(ctx, by, "projection.skip", m, name, func(p projection.Projection) ([]projection.Event, error) {
		return p.Skip(name, key, seq, reason)
	})
}

// RebuildProjection asks for the read model to be built anew from the log.
func (s *Service) RebuildProjection(ctx context.Context, by domain.Actor, m Meta, name string) (Result, error) {
	return s.askProjection(ctx, by, "projection.rebuild", m, name, func(p projection.Projection) ([]projection.Event, error) {
		return p.Rebuild(name)
	})
}

func (s *Service) askProjection(ctx context.Context, by domain.Actor, command string, m Meta, name string, decide func(projection.Projection) ([]projection.Event, error)) (Result, error) {
	return s.run(by, command, m, identity.Resource{Kind: kindProjection, ID: name}, func(cmd eventstore.Command) (Result, error) {
		e := eventstore.Entity{Tenant: by.Tenant, Kind: kindProjection, ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String()}
		seq, receipt, err := s.projections.Update(ctx, e, cmd, func(p projection.Projection) ([]eventstore.NewEvent, error) {
			events, err := decide(p)
			if err != nil {
				return nil, err
			}
			return encode(projection.Schema, events)
		})
		if err != nil {
			return Result{}, fmt.Errorf("%s %s: %w", command, name, err)
		}
		return Result{ID: e.ID, Seq: seq, Repeat: receipt.Repeat}, nil
	})
}
