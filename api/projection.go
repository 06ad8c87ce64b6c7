package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/projections"
)

type namedInput struct {
	Name string `path:"name" doc:"of the projection, such as tasks"`
}

type namedListInput struct {
	namedInput
	listInput
}

type namedCommand[T any] struct {
	commandHeaders
	namedInput
	Body T
}

// projectionRoutes are for operators of the read models.
func (a *API) projectionRoutes(h huma.API) {
	getRoute(a, h, "/v1/projections", "list-projections", "Tell the state of each read model",
		func(ctx context.Context, _ caller, _ *struct{}) (client.Page[client.Projection], error) {
			states, err := a.cfg.Projections.States(ctx)
			if err != nil {
				return client.Page[client.Projection]{}, err
			}
			health := a.cfg.Projections.Health()
			return page(a, projections.Page[projections.State]{Items: states, Seq: health.Seq, Lag: health.Lag}, a.projection), nil
		})
	getRoute(a, h, "/v1/projections/{name}/parked", "list-parked", "List the events that a read model has put aside",
		func(ctx context.Context, _ caller, in *namedListInput) (client.Page[client.Parked], error) {
			q, err := a.query(&in.listInput)
			if err != nil {
				return client.Page[client.Parked]{}, err
			}
			rows, err := a.cfg.Projections.Parked(ctx, in.Name, q)
			return page(a, rows, func(r projections.Parked) client.Parked { return client.Parked(r) }), err
		})
	s := a.cfg.Commands
	operatorRoute(a, h, "retry", "Apply parked events again", func(ctx context.Context, c caller, name string, r client.ParkedRequest) (commands.Result, error) {
		return s.RetryParked(ctx, c.actor, c.meta(), name, r.Key)
	})
	operatorRoute(a, h, "skip", "Leave a parked event out for good", func(ctx context.Context, c caller, name string, r client.ParkedRequest) (commands.Result, error) {
		return s.SkipParked(ctx, c.actor, c.meta(), name, r.Key, r.Seq, r.Reason)
	})
	operatorRoute(a, h, "rebuild", "Build a read model anew beside the live one", func(ctx context.Context, c caller, name string, _ struct{}) (commands.Result, error) {
		return s.RebuildProjection(ctx, c.actor, c.meta(), name)
	})
	verify := operation(http.MethodPost, "/v1/projections/{name}/verify", "verify-projection", "Compare a read model with a rebuilt one")
	huma.Register(h, verify, func(ctx context.Context, in *namedInput) (*output[client.Verification], error) {
		return answer(ctx, a, func(caller) (client.Verification, error) {
			v, err := a.cfg.Projections.Verify(ctx, in.Name, nil)
			return a.verification(v), err
		})
	})
}

// operatorRoute registers a command about a projection.
func operatorRoute[Req any](a *API, h huma.API, verb, summary string, do func(context.Context, caller, string, Req) (commands.Result, error)) {
	op := operation(http.MethodPost, "/v1/projections/{name}/"+verb, verb+"-projection", summary)
	huma.Register(h, op, func(ctx context.Context, in *namedCommand[*Req]) (*output[client.Receipt], error) {
		return answer(ctx, a, func(c caller) (client.Receipt, error) {
			var req Req
			if in.Body != nil {
				req = *in.Body
			}
			if err := a.projectionExists(ctx, in.Name); err != nil {
				return client.Receipt{}, err
			}
			return a.done(do(ctx, c, in.Name, req))
		})
	})
}

// projectionExists refuses a name that no read model has. While Postgres is
// down it refuses none: what is asked for is carried out later.
func (a *API) projectionExists(ctx context.Context, name string) error {
	states, err := a.cfg.Projections.States(ctx)
	if err != nil {
		return nil //nolint:nilerr // commands do not need Postgres
	}
	for _, s := range states {
		if s.Name == name {
			return nil
		}
	}
	return &domain.Error{Kind: domain.NotFound, Code: "projection_not_found", Message: fmt.Sprintf("no projection is called %.64q", name)}
}
