package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// Limits of request bodies, in bytes.
const (
	maxBody   = 1 << 20
	maxSubmit = 8<<20 + 64<<10 // an input of 8 MiB and what is around it
	maxReport = maxSubmit + 512<<10
	maxBatch  = 16 << 20
)

const bodyTimeout = 30 * time.Second // to receive a request's body

// command is one entry of the table that both transports read.
type command struct {
	verb string
	http func(h huma.API)
	nats func(ctx context.Context, c caller, body []byte) (any, error)
}

// route says where a command stands in HTTP. A path with {id} takes the thing
// that the command is about from there.
type route struct {
	path    string
	summary string
	limit   int64 // of the body, default maxBody
}

// commandHeaders documents what newCaller reads.
func commandHeaders() []*huma.Param {
	text := func(name, doc string, most int) *huma.Param {
		return &huma.Param{Name: name, In: "header", Description: doc, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most}}
	}
	return []*huma.Param{
		text(client.HeaderKey, "a request with the same key is the same request", 256),
		text(client.HeaderCorrelation, "kept with every event that follows", 128),
		text("traceparent", "W3C Trace Context, kept with every event that follows", 128),
	}
}

type bodyInput[T any] struct{ Body T }

type aboutInput[T any] struct {
	ID   string `path:"id" doc:"id, or a prefix of it of at least 4 characters"`
	Body *T
}

type output[T any] struct{ Body T }

// define makes the entry of a command. id points to the field of the body that
// names what the command is about; nil when there is none.
func define[Req, Res any](a *API, verb string, r route, id func(*Req) *string, do func(context.Context, caller, Req) (Res, error)) command {
	op := commandOperation(r.path, strings.ReplaceAll(verb, ".", "-"), r.summary)
	op.MaxBodyBytes = max(r.limit, maxBody)
	return command{
		verb: verb,
		http: func(h huma.API) {
			if id == nil {
				huma.Register(h, op, func(ctx context.Context, in *bodyInput[Req]) (*output[Res], error) {
					return answer(ctx, a, func(c caller) (Res, error) { return do(ctx, c, in.Body) })
				})
				return
			}
			huma.Register(h, op, func(ctx context.Context, in *aboutInput[Req]) (*output[Res], error) {
				return answer(ctx, a, func(c caller) (Res, error) {
					var req Req
					if in.Body != nil {
						req = *in.Body
					}
					if given := id(&req); *given != "" && *given != in.ID {
						var none Res
						return none, domain.InvalidField("id", "the body names %.64q, the path %.64q", *given, in.ID)
					}
					*id(&req) = in.ID
					return do(ctx, c, req)
				})
			})
		},
		nats: request(a, do),
	}
}

// operation describes a route; every one may answer with a Problem.
func operation(method, path, id, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tagOf(path)},
		BodyReadTimeout: bodyTimeout,
		Responses: map[string]*huma.Response{"default": {
			Description: "What went wrong (RFC 9457)",
			Content: map[string]*huma.MediaType{"application/problem+json": {
				Schema: &huma.Schema{Ref: "#/components/schemas/Problem"},
			}},
		}},
	}
}

// commandOperation describes the route of a command.
func commandOperation(path, id, summary string) huma.Operation {
	op := operation(http.MethodPost, path, id, summary)
	op.Parameters = commandHeaders()
	return op
}

// tagOf groups the operations of the document by the things they are about.
func tagOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/v1"), "/")
	if len(parts) > 1 && strings.HasPrefix(path, "/v1/") {
		return parts[1]
	}
	return "operation"
}

// serve runs a handler for whoever is served and words its error.
func serve[Out any](ctx context.Context, a *API, do func(caller) (*Out, error)) (*Out, error) {
	c := callerOf(ctx)
	out, err := do(c)
	if err != nil {
		return nil, tell(a.cfg.Log, c.request, err)
	}
	return out, nil
}

// answer is serve for an answer that is a body and nothing else.
func answer[Res any](ctx context.Context, a *API, do func(caller) (Res, error)) (*output[Res], error) {
	return serve(ctx, a, func(c caller) (*output[Res], error) {
		res, err := do(c)
		return &output[Res]{Body: res}, err
	})
}

// decoder returns what reads a body as strictly as HTTP does: by the same
// schema. It fails with kind Invalid and the field that is wrong.
func decoder[T any](schemas huma.Registry) func(body []byte) (T, error) {
	schema := schemas.Schema(reflect.TypeFor[T](), true, "")
	return func(body []byte) (T, error) {
		var out T
		var parsed any
		if err := checkDepth(body); err != nil {
			return out, err
		}
		if err := json.Unmarshal(body, &parsed); err != nil {
			return out, &domain.Error{Kind: domain.Invalid, Code: "malformed", Message: "the body is not JSON: " + err.Error()}
		}
		path, res := huma.NewPathBuffer(make([]byte, 0, 64), 0), &huma.ValidateResult{}
		huma.Validate(schemas, schema, path, huma.ModeWriteToServer, parsed, res)
		if len(res.Errors) > 0 {
			var detail *huma.ErrorDetail
			if errors.As(res.Errors[0], &detail) {
				return out, domain.InvalidField(fieldOf(detail.Location), "%s", detail.Message)
			}
			return out, domain.InvalidField("", "%s", res.Errors[0].Error())
		}
		if err := json.Unmarshal(body, &out); err != nil {
			return out, &domain.Error{Kind: domain.Invalid, Code: "malformed", Message: "the body has a wrong value: " + err.Error()}
		}
		return out, nil
	}
}

// taskID, agentID and attemptTask tell define where a request keeps its id.
func taskID(r *client.TaskRequest) *string        { return &r.ID }
func agentID(r *client.AgentRequest) *string      { return &r.ID }
func attemptTask(r *client.AttemptReport) *string { return &r.Task }
