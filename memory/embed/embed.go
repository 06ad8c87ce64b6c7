package embed

import (
	"context"
	"fmt"
	"math"
)

// Provider turns texts into vectors. Its methods may be called by several
// goroutines at once. The package comment has the rules.
type Provider interface {
	// Model names the model; vectors of other models are not comparable.
	Model() string
	// Dimensions is the length of every vector. It is 0 for a model whose
	// length is not known before its first answer.
	Dimensions() int
	// MaxBatch is how many texts one call to Embed may have, at least 1.
	MaxBatch() int
	// Embed gives one result a text, in order, or an error and no results.
	// The error is a *Failure, or the context's own.
	Embed(ctx context.Context, texts []string) ([]Result, error)
}

// Result is one embedded text.
type Result struct {
	Vector []float32 // of length 1
	Tokens int       // what the model read, as its cost is counted
}

// Unit scales v to length 1 in place. It returns a *Failure with Code
// BadAnswer when v has a number that is not finite, or only zeros.
func Unit(v []float32) error {
	var sum float64
	for i, x := range v {
		f := float64(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return &Failure{Code: BadAnswer, Retry: true, Reason: fmt.Sprintf("the vector has %v at place %d", f, i)}
		}
		sum += f * f
	}
	if sum == 0 {
		return &Failure{Code: BadAnswer, Retry: true, Reason: "the vector has only zeros"}
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}
