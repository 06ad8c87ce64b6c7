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

type parkedInput struct {
	Name   string `path:"name" doc:"of the projection, such as tasks"`
	Filter string `query:"filter" doc:"such as: key:default/task/… seq>100"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

type parkedCommand struct {
	Name string `path:"name" doc:"of the projection, such as tasks"`
	Body client.ParkedRequest
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
		func(ctx context.Context, _ caller, in *parkedInput) (client.Page[client.Parked], error) {
			rows, err := a.cfg.Projections.Parked(ctx, in.Name, projections.Query{Filter: in.Filter, Limit: in.Limit, Cursor: in.Cursor})
			return page(a, rows, func(r projections.Parked) client.Parked { return client.Parked(r) }), err
		})
	s := a.cfg.Commands
	parkedRoute(a, h, "retry", "Apply parked events again", func(ctx context.Context, c caller, in *parkedCommand) (commands.Result, error) {
		return s.RetryParked(ctx, c.actor, c.meta(), in.Name, in.Body.Key)
	})
	parkedRoute(a, h, "skip", "Leave a parked event out for good", func(ctx context.Context, c caller, in *parkedCommand) (commands.Result, error) {
		return s.SkipParked(ctx, c.actor, c.meta(), in.Name, in.Body.Key, in.Body.Seq, in.Body.Reason)
	})
	rebuild := commandOperation("/v1/projections/{name}/rebuild", "rebuild-projection", "Build a read model anew beside the live one")
	huma.Register(h, rebuild, func(ctx context.Context, in *namedInput) (*output[client.Receipt], error) {
		return answer(ctx, a, func(c caller) (client.Receipt, error) {
			if err := a.projectionExists(ctx, in.Name); err != nil {
				return client.Receipt{}, err
			}
			return a.done(s.RebuildProjection(ctx, c.actor, c.meta(), in.Name))
		})
	})
	verify := operation(http.MethodPost, "/v1/projections/{name}/verify", "verify-projection", "Compare a read model with a rebuilt one")
	huma.Register(h, verify, func(ctx context.Context, in *namedInput) (*output[client.Verification], error) {
		return answer(ctx, a, func(caller) (client.Verification, error) {
			v, err := a.cfg.Projections.Verify(ctx, in.Name, nil)
			return a.verification(v), err
		})
	})
}

// parkedRoute registers a command about parked events.
func parkedRoute(a *API, h huma.API, verb, summary string, do func(context.Context, caller, *parkedCommand) (commands.Result, error)) {
	op := commandOperation("/v1/projections/{name}/"+verb, verb+"-projection", summary)
	huma.Register(h, op, func(ctx context.Context, in *parkedCommand) (*output[client.Receipt], error) {
		return answer(ctx, a, func(c caller) (client.Receipt, error) {
			if err := a.projectionExists(ctx, in.Name); err != nil {
				return client.Receipt{}, err
			}
			return a.done(do(ctx, c, in))
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
