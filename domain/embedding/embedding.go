// Package embedding is which models make vectors of texts, one registry for
// the whole mesh. Search asks the active model's vectors only: those of two
// models cannot be compared.
//
//	add         model unknown ► known; the first one is active at once
//	activate    known ► active, in the place of the one before
package embedding

import (
	"maps"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/memory"
)

// EntityKind is the kind of the registry, as it stands in subjects.
const EntityKind = "embedding"

// MaxModels is how many models a mesh may know in its life.
const MaxModels = 256

// Registry is the models of a mesh, folded from their events.
type Registry struct {
	Models map[string]int // dimensions by the model's name
	Active string         // model whose vectors are searched; empty when there is none
}

// Event is a fact about the models. The set is sealed.
type Event interface {
	// Type is the event's name on the wire, such as "embedding.model_added".
	Type() string
	apply(r Registry) Registry
}

// ModelAdded says that vectors of a model are made from now on.
type ModelAdded struct {
	Model      string `json:"model"`
	Dimensions int    `json:"dimensions"`
}

// ModelActivated says that a model's vectors are the ones that are searched.
type ModelActivated struct {
	Model string `json:"model"`
}

func (ModelAdded) Type() string     { return "embedding.model_added" }
func (ModelActivated) Type() string { return "embedding.model_activated" }

func (e ModelAdded) apply(r Registry) Registry {
	models := maps.Clone(r.Models)
	if models == nil {
		models = map[string]int{}
	}
	models[e.Model] = e.Dimensions
	r.Models = models
	return r
}

func (e ModelActivated) apply(r Registry) Registry {
	r.Active = e.Model
	return r
}

// Apply returns r after e. The map of r is not changed.
func (r Registry) Apply(e Event) Registry { return e.apply(r) }

// The refusals of this package.
var (
	ErrUnknown    = &domain.Error{Kind: domain.NotFound, Code: "model_not_found", Field: "model", Message: "no such model"}
	ErrDimensions = &domain.Error{Kind: domain.Conflict, Code: "model_dimensions", Field: "dimensions", Message: "the model is known with other dimensions"}
)

// Add makes a model known by the dimensions of its vectors; the first one is
// active at once. A known model stays as it is, and fails with ErrDimensions
// when its dimensions are others. It fails with an Invalid error when the name
// is none, the dimensions are not 1 to memory.MaxDimensions, or there are
// MaxModels already.
func (r Registry) Add(model string, dimensions int) ([]Event, error) {
	if err := domain.CheckModel("model", model); err != nil {
		return nil, err
	}
	if dimensions < 1 || dimensions > memory.MaxDimensions {
		return nil, domain.InvalidField("dimensions", "%d is not between 1 and %d", dimensions, memory.MaxDimensions)
	}
	known, ok := r.Models[model]
	switch {
	case ok && known != dimensions:
		return nil, ErrDimensions.Sayf("the model %s is known with %d dimensions", model, known)
	case ok:
		return nil, nil
	case len(r.Models) >= MaxModels:
		return nil, domain.InvalidField("model", "there are %d models already", len(r.Models))
	}
	events := []Event{ModelAdded{Model: model, Dimensions: dimensions}}
	if r.Active == "" {
		events = append(events, ModelActivated{Model: model})
	}
	return events, nil
}

// Activate lets search use a model's vectors. It fails with ErrUnknown when
// the model was never added.
func (r Registry) Activate(model string) ([]Event, error) {
	if _, ok := r.Models[model]; !ok {
		return nil, ErrUnknown
	}
	if r.Active == model {
		return nil, nil
	}
	return []Event{ModelActivated{Model: model}}, nil
}
