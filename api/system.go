package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

func badDigest(digest string) error {
	return domain.InvalidField("digest", "%.80q is not sha256: and 64 hex digits", digest)
}

type artifactInput struct {
	Digest string `path:"digest" doc:"sha256: and 64 hex digits"`
}

type artifactOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// systemRoutes are artifacts, the version, and what operators look at.
func (a *API) systemRoutes(h huma.API) {
	op := operation(http.MethodGet, "/v1/artifacts/{digest}", "get-artifact", "Get the bytes of a large payload")
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
	huma.Register(h, op, func(ctx context.Context, in *artifactInput) (*artifactOutput, error) {
		return serve(ctx, a, func(c caller) (*artifactOutput, error) {
			data, err := a.artifact(ctx, c, in.Digest)
			return &artifactOutput{ContentType: "application/octet-stream", Body: data}, err
		})
	})
	getRoute(a, h, "/v1/version", "version", "Tell what runs here",
		func(context.Context, caller, *struct{}) (client.Version, error) { return a.cfg.Version, nil })
	alive := openOperation("/healthz", "healthz", "Tell that the process is alive")
	huma.Register(h, alive, func(context.Context, *struct{}) (*output[map[string]bool], error) {
		return &output[map[string]bool]{Body: map[string]bool{"alive": true}}, nil
	})
	ready := openOperation("/readyz", "readyz", "Tell what is ready, and what is not and why")
	ready.Responses["503"] = &huma.Response{Description: "Not ready", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Readiness"}},
	}}
	huma.Register(h, ready, func(ctx context.Context, _ *struct{}) (*readyOutput, error) {
		r := a.readiness(ctx)
		if r.Ready {
			return &readyOutput{Status: http.StatusOK, Body: r}, nil
		}
		return &readyOutput{Status: http.StatusServiceUnavailable, Body: r}, nil
	})
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(a.doc) // the client may be gone
	})
	figures := a.metrics.handler()
	a.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		c := callerOf(r.Context())
		if err := a.allow(c, "system.metrics"); err != nil {
			tell(a.cfg.Log, c.request, err).write(w)
			return
		}
		figures.ServeHTTP(w, r)
	})
	a.mux.HandleFunc("/", a.noRoute)
}

// openOperation describes a route that needs no credential.
func openOperation(path, id, summary string) huma.Operation {
	op := operation(http.MethodGet, path, id, summary)
	op.Security = []map[string][]string{{}}
	return op
}

type readyOutput struct {
	Status int
	Body   client.Readiness
}

// noRoute answers what no route is for: 405 with the methods that there are,
// or 404.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	probe := r.Clone(r.Context())
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe.Method = method
		if _, pattern := a.mux.Handler(probe); pattern != "/" {
			w.Header().Add("Allow", method)
		}
	}
	if w.Header().Get("Allow") != "" {
		newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "", r.Method+" is not for "+r.URL.Path).write(w)
		return
	}
	newProblem(http.StatusNotFound, "no_such_route", "", "there is nothing at "+r.URL.Path+"; see /openapi.json").write(w)
}
