package ngram

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// DefaultDimensions is the length of vectors that nobody asked otherwise for.
// More found hardly more, and fewer less.
const DefaultDimensions = 512

// Embedder is the built-in embedder. It may be used by several goroutines.
type Embedder struct {
	dims    int
	scratch sync.Pool // of *counts
}

// New returns an embedder of vectors of dims numbers, from 64 to 4,000, or of
// DefaultDimensions when dims is 0. Other numbers are an error.
func New(dims int) (*Embedder, error) {
	if dims == 0 {
		dims = DefaultDimensions
	}
	if dims < 64 || dims > 4000 {
		return nil, fmt.Errorf("ngram: %d dimensions: want 64 to 4000", dims)
	}
	return &Embedder{dims: dims, scratch: sync.Pool{New: func() any { return newCounts() }}}, nil
}

// Model returns "ngram-v1/" and the number of dimensions.
func (e *Embedder) Model() string { return fmt.Sprintf("ngram-v1/%d", e.dims) }

// Dimensions returns the length of every vector.
func (e *Embedder) Dimensions() int { return e.dims }

// MaxBatch returns how many texts are worth handing over at once.
func (e *Embedder) MaxBatch() int { return 256 }

// Embed returns the texts' vectors; Tokens is the number of words. It returns
// a *embed.Failure with code BadInput when a text is blank, and the context's
// error when that ends first.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([]embed.Result, error) {
	c := e.scratch.Get().(*counts)
	defer e.scratch.Put(c)
	out := make([]embed.Result, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if strings.TrimSpace(text) == "" {
			return nil, &embed.Failure{Code: embed.BadInput, Reason: fmt.Sprintf("text %d of %d is blank", i+1, len(texts))}
		}
		out[i].Vector = e.vector(c, text)
		out[i].Tokens = c.total
	}
	return out, nil
}

func (e *Embedder) vector(c *counts, text string) []float32 {
	v := make([]float32, e.dims)
	c.read(text)
	c.fill(v)
	if embed.Unit(v) != nil { // no word at all, such as "?!"
		add(v, fnv(fnvOffset, []byte(text)), 1)
	}
	return v
}
