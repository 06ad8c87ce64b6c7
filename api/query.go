package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/projections"
)

type listInput struct {
	Filter string `query:"filter" doc:"such as: status:waiting,running priority>=5 label.env:prod"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
	After  string `query:"after" doc:"wait until the read model has reached this position, for up to 5 s"`
}

type oneInput struct {
	ID    string `path:"id" doc:"id, or a prefix of it of at least 4 characters"`
	After string `query:"after" doc:"wait until the read model has reached this position, for up to 5 s"`
}

type idInput struct {
	ID string `path:"id" doc:"id, or a prefix of it of at least 4 characters"`
}

// queryOutput is an answer from a read model: the headers say how far it is.
type queryOutput[T any] struct {
	Position string `header:"X-Projection-Position" doc:"the answer is at least as new as this"`
	Lag      uint64 `header:"X-Projection-Lag" doc:"events that the log was ahead"`
	Body     T
}

// listRoute registers a list.
func listRoute[Row, Out any](a *API, h huma.API, path, id, summary string, list func(context.Context, caller, projections.Query) (projections.Page[Row], error), convert func(Row) Out) {
	huma.Register(h, operation(http.MethodGet, path, id, summary), func(ctx context.Context, in *listInput) (*queryOutput[client.Page[Out]], error) {
		return serve(ctx, a, func(c caller) (*queryOutput[client.Page[Out]], error) {
			q, err := a.query(in)
			if err != nil {
				return nil, err
			}
			rows, err := list(ctx, c, q)
			out := page(a, rows, convert)
			return &queryOutput[client.Page[Out]]{Position: out.Position, Lag: out.Lag, Body: out}, err
		})
	})
}

func (a *API) query(in *listInput) (projections.Query, error) {
	after, err := a.cfg.Store.ParsePosition(in.After)
	return projections.Query{Filter: in.Filter, Limit: in.Limit, Cursor: in.Cursor, After: after}, err
}

// oneRoute registers the reading of one row.
func oneRoute[Row, Out any](a *API, h huma.API, path, id, summary string, read func(ctx context.Context, c caller, name string, after uint64) (Row, error), convert func(Row) Out) {
	huma.Register(h, operation(http.MethodGet, path, id, summary), func(ctx context.Context, in *oneInput) (*queryOutput[Out], error) {
		return serve(ctx, a, func(c caller) (*queryOutput[Out], error) {
			after, err := a.cfg.Store.ParsePosition(in.After)
			if err != nil {
				return nil, err
			}
			row, err := read(ctx, c, in.ID, after)
			health := a.cfg.Projections.Health()
			return &queryOutput[Out]{Position: a.cfg.Store.Position(health.Seq), Lag: health.Lag, Body: convert(row)}, err
		})
	})
}

// getRoute registers a reading that is not from a read model.
func getRoute[In, Out any](a *API, h huma.API, path, id, summary string, read func(context.Context, caller, *In) (Out, error)) {
	huma.Register(h, operation(http.MethodGet, path, id, summary), func(ctx context.Context, in *In) (*output[Out], error) {
		return answer(ctx, a, func(c caller) (Out, error) { return read(ctx, c, in) })
	})
}
