// Package recall answers what is remembered: it has the query embedded by the
// model whose vectors the read model is searched by, and packs what was found
// into a context of bounded size.
//
// A search never fails because a model does: without its provider it is one by
// words alone, and says so.
package recall

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/memory/embed"
	"github.com/hivemesh/hivemesh/projections"
)

// The modes of a search.
const (
	Fused   = "fused" // by meaning and by words
	Meaning = "meaning"
	Words   = "words"
)

const (
	modelFresh = time.Second      // how long the active model is taken as known
	patience   = 5 * time.Second  // for a provider
	cooling    = 10 * time.Second // after a failure, before a provider is asked again
)

// Service answers searches. It is safe for concurrent use.
type Service struct {
	read      *projections.Projections
	providers map[string]embed.Provider
	now       func() time.Time

	mu      sync.Mutex
	active  projections.EmbeddingModel
	asked   time.Time
	cold    time.Time // no provider is asked before
	coldWhy string
}

// New returns a Service that can embed queries for the models of providers.
func New(read *projections.Projections, providers []embed.Provider, now func() time.Time) *Service {
	s := &Service{read: read, providers: map[string]embed.Provider{}, now: now}
	for _, p := range providers {
		s.providers[p.Model()] = p
	}
	return s
}

// Query asks for what is remembered. At least one of Text and Like is needed.
type Query struct {
	Text   string
	Like   string // id of an item: others like it
	Mode   string // Fused when empty
	Filter string
	Limit  int
	After  uint64
}

// Answer is what was found.
type Answer struct {
	projections.Recalled
	Model    string
	Degraded string // why the search was by words alone, though more was asked
}

// Search answers a query within what a reader may see. It fails with kind
// Invalid for what is asked, with memory.ErrNotFound for an item that it is to
// be like, and with Unavailable when the read model cannot answer.
func (s *Service) Search(ctx context.Context, tenant string, scopes projections.Scopes, q Query) (Answer, error) {
	if err := q.check(); err != nil {
		return Answer{}, err
	}
	r := projections.Recall{Filter: q.Filter, Scopes: scopes, Limit: q.Limit, After: q.After}
	var out Answer
	if q.Mode != Meaning {
		r.Text = q.Text
	}
	if q.Mode != Words {
		if err := s.meaning(ctx, tenant, q, &r, &out); err != nil {
			return Answer{}, err
		}
	}
	if r.Text == "" && len(r.Vector) == 0 {
		r.Text = q.Text // by words is better than not at all
	}
	if r.Text == "" && len(r.Vector) == 0 {
		return out, nil
	}
	found, err := s.read.Recall(ctx, tenant, r)
	out.Recalled = found
	return out, err
}

func (q Query) check() error {
	switch {
	case q.Text == "" && q.Like == "":
		return domain.InvalidField("query", "a text to look for is needed, or an item to be like")
	case q.Text != "" && q.Like != "":
		return domain.InvalidField("like", "only one of query and like can be given")
	case q.Mode != "" && q.Mode != Fused && q.Mode != Meaning && q.Mode != Words:
		return domain.InvalidField("mode", "%.32q is not fused, meaning or words", q.Mode)
	}
	return nil
}

// meaning finds the vector to look for.
func (s *Service) meaning(ctx context.Context, tenant string, q Query, r *projections.Recall, out *Answer) error {
	model, err := s.model(ctx)
	if err != nil {
		return err
	}
	if model.Model == "" {
		out.Degraded = "nothing has been embedded yet"
		return nil
	}
	out.Model, r.Model = model.Model, model.Model
	if q.Like != "" {
		r.Not = q.Like
		r.Vector, err = s.read.MemoryVector(ctx, tenant, r.Scopes, q.Like, model.Model, q.After)
		if err == nil && len(r.Vector) == 0 {
			out.Degraded = "the item has not been embedded yet"
		}
		return err
	}
	r.Vector, out.Degraded = s.embed(ctx, model.Model, q.Text)
	return nil
}

// model returns the active model.
func (s *Service) model(ctx context.Context) (projections.EmbeddingModel, error) {
	s.mu.Lock()
	known, fresh := s.active, s.now().Sub(s.asked) < modelFresh
	s.mu.Unlock()
	if fresh && known.Model != "" {
		return known, nil
	}
	m, err := s.read.ActiveModel(ctx)
	if err != nil {
		return m, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.asked = m, s.now()
	return m, nil
}

// embed returns the vector of a query, or why there is none.
func (s *Service) embed(ctx context.Context, model, text string) (memory.Vector, string) {
	p := s.providers[model]
	if p == nil {
		return nil, "this node has no provider for the model " + model
	}
	s.mu.Lock()
	cold, why := s.now().Before(s.cold), s.coldWhy
	s.mu.Unlock()
	if cold {
		return nil, why
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results, err := p.Embed(ctx, []string{text})
	if err == nil && len(results) == 1 {
		if err = embed.Unit(results[0].Vector); err == nil {
			return results[0].Vector, ""
		}
	}
	why = fmt.Sprintf("the provider of %s does not answer: %v", model, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cold, s.coldWhy = s.now().Add(cooling), why
	return nil, why
}
