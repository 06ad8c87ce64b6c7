package api

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/memory/recall"
	"github.com/hivemesh/hivemesh/projections"
)

// defaultBudget is that of a pack, in tokens.
const defaultBudget = 2_000

// parallelSearches are those of one batch that run at a time.
const parallelSearches = 4

func (a *API) search(ctx context.Context, c caller, r client.SearchRequest) (client.SearchResult, error) {
	scopes, err := a.scopes(c)
	if err != nil {
		return client.SearchResult{}, err
	}
	after, err := a.cfg.Store.ParsePosition(r.After)
	if err != nil {
		return client.SearchResult{}, err
	}
	q := recall.Query{Text: r.Query, Mode: r.Mode, Filter: r.Filter, Limit: r.Limit, After: after}
	if r.Like != "" {
		if q.Like, err = a.memoryID(ctx, c, r.Like); err != nil {
			return client.SearchResult{}, err
		}
	}
	got, err := a.cfg.Recall.Search(ctx, c.actor.Tenant, scopes, q)
	if err != nil {
		return client.SearchResult{}, err
	}
	out := client.SearchResult{
		Hits: []client.MemoryHit{}, Model: got.Model, Degraded: got.Degraded, Exact: got.Exact, Position: a.cfg.Store.Position(got.Seq), Lag: got.Lag,
	}
	for _, h := range got.Hits {
		hit := client.MemoryHit{
			Memory: a.memory(h.Memory), Score: h.Score, MeaningRank: h.Meaning, WordRank: h.Words, WordWeight: h.WordRank, Recency: h.Recency, Folded: h.Folded,
		}
		if h.Meaning > 0 {
			hit.Distance = &h.Distance
		}
		out.Hits = append(out.Hits, hit)
	}
	return out, nil
}

// searches answers a batch; one that is wrong refuses it whole.
func (a *API) searches(ctx context.Context, c caller, b client.SearchBatch) (client.SearchResults, error) {
	out := client.SearchResults{Results: make([]client.SearchResult, len(b.Searches))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelSearches)
	for i, r := range b.Searches {
		g.Go(func() (err error) {
			out.Results[i], err = a.search(ctx, c, r)
			return err
		})
	}
	return out, g.Wait()
}

func (a *API) pack(ctx context.Context, c caller, r client.PackRequest) (client.Pack, error) {
	scopes, err := a.scopes(c)
	if err != nil {
		return client.Pack{}, err
	}
	after, err := a.cfg.Store.ParsePosition(r.After)
	if err != nil {
		return client.Pack{}, err
	}
	if r.Query, err = a.packQuery(ctx, c, r); err != nil {
		return client.Pack{}, err
	}
	out, err := a.brief.pack(ctx, c.actor.Tenant, scopes, recall.Query{Text: r.Query, Filter: r.Filter, After: after}, r.Budget)
	if err != nil {
		return client.Pack{}, err
	}
	return *out, nil
}

// packQuery is what a pack is to be about: the query, or the input of a task.
func (a *API) packQuery(ctx context.Context, c caller, r client.PackRequest) (string, error) {
	switch {
	case r.Query != "":
		return r.Query, nil
	case r.Task == "":
		return "", domain.InvalidField("query", "a text to look for is needed, or a task")
	}
	id, err := a.taskID(ctx, c, r.Task)
	if err != nil {
		return "", err
	}
	if err := a.mayTask(ctx, c, id); err != nil {
		return "", err
	}
	t, err := a.cfg.Projections.Task(ctx, c.actor.Tenant, id, 0)
	if err != nil {
		return "", err
	}
	text := words(t.Input.Inline)
	if text == "" {
		return "", domain.InvalidField("task", "its input has no text to look for: give a query")
	}
	return text, nil
}

// maxQuery is how much of a task's input is looked for, in bytes.
const maxQuery = 8 << 10

// words are the texts of a JSON value, one after the other.
func words(data json.RawMessage) string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return ""
	}
	text := ""
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if room := maxQuery - 1 - len(text); room > 0 {
				text += prefix(v, room) + "\n"
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(v[key])
			}
		}
	}
	walk(v)
	return text
}

func (a *API) memory(m projections.Memory) client.Memory {
	out := client.Memory{
		ID: m.ID, Status: string(m.Status), ReplacedBy: m.ReplacedBy, Kind: string(m.Kind), Scope: string(m.Scope), Subject: m.Subject, Text: m.Text,
		MediaType: m.MediaType, Source: client.MemorySource{Type: m.Source.Type, ID: m.Source.ID, Seq: m.Source.Seq}, Place: place(m.Place),
		Importance: m.Importance, Tags: present(m.Tags), Used: m.Used, Helpful: m.Helpful, Repeats: m.Repeats, Actor: m.Actor,
		RememberedAt: m.RememberedAt, UpdatedAt: m.UpdatedAt, Seq: m.FirstSeq, Position: a.cfg.Store.Position(m.Seq),
	}
	if m.Artifact != nil {
		out.Artifact = &client.Artifact{Digest: m.Artifact.Digest, Size: m.Artifact.Size, MediaType: m.Artifact.MediaType}
	}
	if of := m.SummaryOf; of != nil {
		out.SummaryOf = &client.SummaryOf{Items: of.Items, Bytes: of.Bytes, By: of.By}
	}
	if !m.UsedAt.IsZero() {
		out.UsedAt = &m.UsedAt
	}
	if !m.ExpiresAt.IsZero() {
		out.ExpiresAt = &m.ExpiresAt
	}
	return out
}

func place(p *memory.Place) *client.MemoryPlace {
	if p == nil {
		return nil
	}
	out := client.MemoryPlace(*p)
	return &out
}

func (a *API) document(d projections.Document) client.Document {
	return client.Document{
		ID: d.ID, URI: d.URI, Scope: string(d.Scope), Digest: d.Digest, Size: d.Size, MediaType: d.MediaType, Chunks: d.Passages, Tags: present(d.Tags),
		Splitter: d.Splitter, Forgotten: d.Forgotten, ImportedAt: d.ImportedAt, UpdatedAt: d.UpdatedAt, Position: a.cfg.Store.Position(d.Seq),
	}
}
