package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/projections"
)

// maxDocument is the longest request with a document: its text as JSON.
const maxDocument = 2*commands.MaxDocument + 64<<10

// memoryTable are the commands about what is remembered.
func (a *API) memoryTable() []command {
	s := a.cfg.Commands
	about := func(verb, summary string, do func(context.Context, caller, client.MemoryRequest) (commands.Result, error)) command {
		return define(a, "memory."+verb, route{path: "/v1/memory/{id}/" + verb, summary: summary}, memoryID,
			func(ctx context.Context, c caller, r client.MemoryRequest) (client.Receipt, error) {
				var err error
				if r.ID, err = a.memoryID(ctx, c, r.ID); err != nil {
					return client.Receipt{}, err
				}
				return a.done(do(ctx, c, r))
			})
	}
	return []command{
		define(a, "memory.remember", route{path: "/v1/memory", summary: "Remember an item"}, nil, a.remember),
		define(a, "memory.remember_batch", route{path: "/v1/memory/batch", summary: "Remember several items, each on its own", limit: maxBatch}, nil, a.rememberBatch),
		about("supersede", "Say that another item holds instead", func(ctx context.Context, c caller, r client.MemoryRequest) (commands.Result, error) {
			by, err := a.memoryID(ctx, c, r.By)
			if err != nil {
				return commands.Result{}, err
			}
			return s.SupersedeMemory(ctx, c.actor, c.meta(), r.ID, by, r.Reason)
		}),
		about("correct", "Correct what an item says", func(ctx context.Context, c caller, r client.MemoryRequest) (commands.Result, error) {
			return s.CorrectMemory(ctx, c.actor, c.meta(), r.ID, memory.Correction{Text: r.Text, Importance: r.Importance, Tags: r.Tags, Reason: r.Reason})
		}),
		about("forget", "Take an item out of every search", func(ctx context.Context, c caller, r client.MemoryRequest) (commands.Result, error) {
			return s.ForgetMemory(ctx, c.actor, c.meta(), r.ID, r.Reason)
		}),
		about("restore", "Undo that an item was forgotten, superseded or merged", func(ctx context.Context, c caller, r client.MemoryRequest) (commands.Result, error) {
			return s.RestoreMemory(ctx, c.actor, c.meta(), r.ID, r.Reason)
		}),
		about("reinforce", "Say that an item was used, and whether it helped", func(ctx context.Context, c caller, r client.MemoryRequest) (commands.Result, error) {
			how := memory.Reason(r.How)
			if r.How == "" {
				how = memory.ReasonUsed
			}
			return s.ReinforceMemory(ctx, c.actor, c.meta(), r.ID, how, r.Task)
		}),
		define(a, "document.import", route{path: "/v1/documents", summary: "Import a text in passages", limit: maxDocument}, nil, a.importDocument),
		define(a, "document.forget", route{path: "/v1/documents/{id}/forget", summary: "Forget a document with its passages"}, memoryID,
			func(ctx context.Context, c caller, r client.MemoryRequest) (client.Receipt, error) {
				return a.done(s.ForgetDocument(ctx, c.actor, c.meta(), r.ID, r.Reason))
			}),
	}
}

func memoryID(r *client.MemoryRequest) *string { return &r.ID }

// memoryID returns the full id of the item that s is the beginning of.
func (a *API) memoryID(ctx context.Context, c caller, s string) (string, error) {
	switch {
	case fullID(s):
		return s, nil
	case len(s) < minPrefix:
		return "", domain.InvalidField("id", "%.64q is too short; give at least %d characters", s, minPrefix)
	}
	scopes, err := a.scopes(c)
	if err != nil {
		return "", err
	}
	m, err := a.cfg.Projections.Memory(ctx, c.actor.Tenant, scopes, s, 0)
	return m.ID, err
}

// scopes are those that a caller may recall.
func (a *API) scopes(c caller) (projections.Scopes, error) {
	r, err := a.cfg.Commands.MemoryReading(c.actor)
	if err != nil || r.All {
		return nil, err
	}
	return append(projections.Scopes{}, r.Scopes...), nil
}

func (a *API) remember(ctx context.Context, c caller, r client.RememberRequest) (client.Receipt, error) {
	meta, err := c.creating(r.Key)
	if err != nil {
		return client.Receipt{}, err
	}
	return a.done(a.cfg.Commands.Remember(ctx, c.actor, meta, memorySpec(r)))
}

func (a *API) rememberBatch(ctx context.Context, c caller, b client.RememberBatch) (client.BatchResult, error) {
	if n := len(b.Items); n == 0 || n > commands.MaxBatch {
		return client.BatchResult{}, domain.InvalidField("items", "%d given, 1 to %d allowed", n, commands.MaxBatch)
	}
	items := make([]commands.Remembering, len(b.Items))
	for i, r := range b.Items {
		items[i] = commands.Remembering{Meta: commands.Meta{Key: r.Key, Correlation: c.correlation, TraceParent: c.traceParent}, Spec: memorySpec(r)}
	}
	return a.results(c, a.cfg.Commands.RememberAll(ctx, c.actor, items)), nil
}

func (a *API) importDocument(ctx context.Context, c caller, r client.DocumentRequest) (client.DocumentReceipt, error) {
	d := commands.Document{URI: r.URI, MediaType: r.MediaType, Text: r.Text, Scope: memory.Scope(r.Scope), Tags: r.Tags}
	if r.Importance != nil {
		d.Importance = *r.Importance
	}
	got, err := a.cfg.Commands.ImportDocument(ctx, c.actor, c.meta(), d)
	if err != nil {
		return client.DocumentReceipt{}, err
	}
	return client.DocumentReceipt{Receipt: a.receipt(got.Result), Unchanged: got.Unchanged, Chunks: got.Chunks, New: got.New, Gone: got.Gone}, nil
}

func memorySpec(r client.RememberRequest) memory.Spec {
	s := memory.Spec{
		Text: r.Text, MediaType: r.MediaType, Kind: memory.Kind(r.Kind), Scope: memory.Scope(r.Scope), Subject: r.Subject, Tags: r.Tags, ExpiresAt: givenTime(r.ExpiresAt),
	}
	if r.Source != nil {
		s.Source = memory.Source{Type: r.Source.Type, ID: r.Source.ID, Seq: r.Source.Seq}
	}
	if r.Artifact != nil {
		s.Artifact = &domain.Artifact{Digest: r.Artifact.Digest, Size: r.Artifact.Size, MediaType: r.Artifact.MediaType}
	}
	if r.Importance != nil {
		s.Importance = *r.Importance
	}
	return s
}

// memoryRoutes are the readings of what is remembered.
func (a *API) memoryRoutes(h huma.API) {
	listRoute(a, h, "/v1/memory", "list-memory", "List items, the latest first, whatever their status",
		func(ctx context.Context, c caller, q projections.Query) (projections.Page[projections.Memory], error) {
			scopes, err := a.scopes(c)
			if err != nil {
				return projections.Page[projections.Memory]{}, err
			}
			return a.cfg.Projections.Memories(ctx, c.actor.Tenant, scopes, q)
		}, a.memory)
	oneRoute(a, h, "/v1/memory/{id}", "get-memory", "Get an item",
		func(ctx context.Context, c caller, id string, after uint64) (projections.Memory, error) {
			scopes, err := a.scopes(c)
			if err != nil {
				return projections.Memory{}, err
			}
			return a.cfg.Projections.Memory(ctx, c.actor.Tenant, scopes, id, after)
		}, a.memory)
	listRoute(a, h, "/v1/documents", "list-documents", "List imported documents by their URI",
		func(ctx context.Context, c caller, q projections.Query) (projections.Page[projections.Document], error) {
			scopes, err := a.scopes(c)
			if err != nil {
				return projections.Page[projections.Document]{}, err
			}
			return a.cfg.Projections.Documents(ctx, c.actor.Tenant, scopes, q)
		}, a.document)
	askRoute(a, h, "/v1/memory/search", "search-memory", "Search what is remembered, by meaning and by words", a.search)
	askRoute(a, h, "/v1/memory/searches", "search-memory-batch", "Ask several searches at once", a.searches)
	askRoute(a, h, "/v1/memory/pack", "pack-memory", "Gather what is worth knowing for some work, within a budget", a.pack)
	getRoute(a, h, "/v1/memory/stats", "memory-stats", "Sum up what is remembered, and how far the embedder is", a.memoryStats)
}

// askRoute registers a question whose arguments are a body.
func askRoute[In, Out any](a *API, h huma.API, path, id, summary string, do func(context.Context, caller, In) (Out, error)) {
	huma.Register(h, operation(http.MethodPost, path, id, summary), func(ctx context.Context, in *bodyInput[In]) (*output[Out], error) {
		return answer(ctx, a, func(c caller) (Out, error) { return do(ctx, c, in.Body) })
	})
}

type afterInput struct {
	After string `query:"after" doc:"wait until the read model has reached this position, for up to 5 s"`
}

func (a *API) memoryStats(ctx context.Context, c caller, in *afterInput) (client.MemoryStats, error) {
	after, err := a.cfg.Store.ParsePosition(in.After)
	if err != nil {
		return client.MemoryStats{}, err
	}
	scopes, err := a.scopes(c)
	if err != nil {
		return client.MemoryStats{}, err
	}
	got, err := a.cfg.Projections.MemoryStats(ctx, c.actor.Tenant, scopes, after)
	if err != nil {
		return client.MemoryStats{}, err
	}
	out := client.MemoryStats{
		Items: []client.MemoryCount{}, Documents: got.Documents, Tokens: got.Tokens, Models: []client.MemoryModel{},
		Position: a.cfg.Store.Position(got.Seq), Lag: got.Lag,
	}
	for _, i := range got.Items {
		out.Items = append(out.Items, client.MemoryCount(i))
	}
	for _, m := range got.Models {
		out.Models = append(out.Models, client.MemoryModel(m))
	}
	if a.cfg.Embedder != nil {
		e := a.cfg.Embedder.Health()
		out.Embedder = &client.EmbedderState{
			Wanted: e.Wanted, Waiting: e.Waiting, SetAside: e.SetAside, Embedded: e.Embedded, Failures: e.Failures, LastFailure: e.LastFailure,
		}
		if e.PausedUntil.After(time.Now()) {
			out.Embedder.PausedUntil = &e.PausedUntil
		}
	}
	return out, nil
}
