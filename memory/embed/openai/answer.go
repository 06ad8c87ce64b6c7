package openai

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/hivemesh/hivemesh/memory/embed"
)

type answer struct {
	Data []struct {
		Index     *int   `json:"index"`
		Embedding vector `json:"embedding"`
	} `json:"data"`
	Usage struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	} `json:"usage"`
}

// vector refuses null among its numbers, which servers write for NaN and
// which would otherwise be read as 0.
type vector []float32

var errNull = errors.New("null is no number")

// UnmarshalJSON reads a list of numbers.
func (v *vector) UnmarshalJSON(b []byte) error {
	if bytes.Contains(b, []byte("null")) {
		return errNull
	}
	return json.Unmarshal(b, (*[]float32)(v))
}

// read checks an answer and returns a result for each text, and the tokens of
// all.
func (e *Embedder) read(body []byte, texts []string) ([]embed.Result, int, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		if errors.Is(err, errNull) {
			return nil, 0, bad("a vector has null, which stands for a number that is not finite")
		}
		return nil, 0, bad("the answer is not the JSON that was asked for, or is cut off")
	}
	if len(a.Data) != len(texts) {
		return nil, 0, bad("%d vectors for %d texts", len(a.Data), len(texts))
	}
	out := make([]embed.Result, len(texts))
	for i, d := range a.Data {
		at := i
		if d.Index != nil {
			at = *d.Index
		} else if a.Data[0].Index != nil {
			return nil, 0, bad("vector %d has no index, others have", i)
		}
		if at < 0 || at >= len(out) || out[at].Vector != nil {
			return nil, 0, bad("index %d comes twice or is not of any text", at)
		}
		if err := e.checkVector(d.Embedding); err != nil {
			return nil, 0, err
		}
		out[at].Vector = d.Embedding
	}
	used := a.Usage.PromptTokens
	if used == 0 {
		used = a.Usage.TotalTokens
	}
	return out, share(out, texts, used), nil
}

// checkVector scales v to length 1. The first vector of all decides the
// dimensions when nobody configured them.
func (e *Embedder) checkVector(v []float32) error {
	if len(v) == 0 || len(v) > 4000 {
		return bad("a vector of %d numbers: want 1 to 4000", len(v))
	}
	if err := embed.Unit(v); err != nil {
		return err
	}
	e.dims.CompareAndSwap(0, int32(len(v)))
	if want := e.Dimensions(); len(v) != want {
		f := bad("a vector of %d numbers, not %d: the endpoint serves another model, or the dimensions are set wrongly", len(v), want)
		f.Retry = false
		return f
	}
	return nil
}

// share gives each text its part of the tokens used, by length, and returns
// their sum. A count that cannot be is replaced by a guess.
func share(out []embed.Result, texts []string, used int) int {
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	if used <= 0 || used > size+8*len(texts) { // a token has a byte at least; some frame each text
		used = guessTokens(texts)
	}
	before, seen := 0, 0
	for i, text := range texts {
		seen += len(text)
		upTo := int(float64(used) * float64(seen) / float64(size))
		out[i].Tokens = upTo - before
		before = upTo
	}
	return used
}

// guessTokens counts a token for four bytes, the usual rule for English.
func guessTokens(texts []string) int {
	n := 0
	for _, text := range texts {
		n += len(text)/4 + 1
	}
	return n
}
