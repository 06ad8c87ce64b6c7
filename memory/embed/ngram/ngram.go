package ngram

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/hivemesh/hivemesh/memory/embed"
)

type params struct {
	Grammar, Code, Digit float32
	Length               [10]float32
	Chars, Pairs         float32
	Spread               int
	MinGram, MaxGram     int
	TF                   float32
}

func defaults() params {
	return params{Grammar: 0.05, Code: 0.3, Digit: 0.4, Length: [10]float32{0, 0.2, 0.4, 0.7, 0.9, 1, 1.1, 1.2, 1.3, 1.4},
		Chars: 0.5, Pairs: 0.5, Spread: 1, MinGram: 3, MaxGram: 5, TF: 1}
}

// Embedder is the built-in embedder. It may be used by several goroutines.
type Embedder struct {
	dims    int
	model   string
	p       params
	scratch sync.Pool
}

// New returns an embedder of vectors of dims numbers, from 64 to 4,000; 0
// means 512. Vectors of different lengths belong to different models.
func New(dims int) (*Embedder, error) {
	if dims == 0 {
		dims = 512
	}
	if dims < 64 || dims > 4000 {
		return nil, fmt.Errorf("ngram: %d dimensions: want 64 to 4000", dims)
	}
	e := &Embedder{dims: dims, model: fmt.Sprintf("ngram-v1/%d", dims), p: defaults()}
	e.scratch.New = func() any { return &state{seen: make(map[uint64]int32, 256)} }
	return e, nil
}

// Model returns "ngram-v1/" and the number of dimensions.
func (e *Embedder) Model() string { return e.model }

// Dimensions returns the length of every vector.
func (e *Embedder) Dimensions() int { return e.dims }

// MaxBatch returns how many texts one call may have.
func (e *Embedder) MaxBatch() int { return 256 }

// Embed returns the vectors of texts. A text without anything to read is
// refused with a *embed.Failure; the context's error ends a batch early.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([]embed.Result, error) {
	out := make([]embed.Result, len(texts))
	s := e.scratch.Get().(*state)
	defer e.scratch.Put(s)
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if strings.TrimSpace(text) == "" {
			return nil, &embed.Failure{Code: embed.BadInput, Reason: fmt.Sprintf("text %d of the batch is blank", i)}
		}
		v := make([]float32, e.dims)
		n := e.fill(s, v, text)
		out[i] = embed.Result{Vector: v, Tokens: n}
	}
	return out, nil
}

type state struct {
	buf   []byte
	seen  map[uint64]int32
	words []word
	bytes []byte
	pairs map[uint64]int32
}

type word struct {
	hash       uint64
	start, end int32 // of the whole word in bytes
	count      float32
	weight     float32
	pairWith   int32
}

func (e *Embedder) tf(n float32) float32 {
	if n == 1 {
		return 1
	}
	return 1 + e.p.TF*float32(math.Log(float64(n)))
}

func (e *Embedder) fill(s *state, v []float32, text string) int {
	clear(s.seen)
	if s.pairs == nil {
		s.pairs = map[uint64]int32{}
	}
	clear(s.pairs)
	s.words, s.bytes = s.words[:0], s.bytes[:0]
	total := 0
	prev := int32(-1)
	var pairs []struct {
		h uint64
		n float32
		w float32
	}
	s.buf = eachWord(text, s.buf, func(w []byte) {
		total++
		weight := e.p.weight(w)
		st := stem(w)
		h := fnv(fnvOffset, st)
		at, ok := s.seen[h]
		if !ok {
			at = int32(len(s.words))
			s.seen[h] = at
			from := int32(len(s.bytes))
			s.bytes = append(s.bytes, ' ')
			s.bytes = append(s.bytes, w...)
			s.bytes = append(s.bytes, ' ')
			s.words = append(s.words, word{hash: h, start: from, end: int32(len(s.bytes)), weight: weight})
		}
		s.words[at].count++
		if weight <= e.p.Grammar {
			return
		}
		if prev >= 0 && e.p.Pairs > 0 {
			p := mix(s.words[prev].hash*3 + h)
			pa, ok := s.pairs[p]
			if !ok {
				pa = int32(len(pairs))
				s.pairs[p] = pa
				pairs = append(pairs, struct {
					h uint64
					n float32
					w float32
				}{p, 0, float32(math.Sqrt(float64(weight * s.words[prev].weight)))})
			}
			pairs[pa].n++
		}
		prev = at
	})
	for i := range s.words {
		w := &s.words[i]
		x := w.weight * e.tf(w.count)
		e.add(v, w.hash, x)
		if e.p.Chars > 0 {
			e.chars(v, s.bytes[w.start:w.end], x*e.p.Chars)
		}
	}
	for _, p := range pairs {
		e.add(v, p.h, e.p.Pairs*p.w*e.tf(p.n))
	}
	if embed.Unit(v) != nil {
		v[mix(fnv(fnvOffset, []byte(text)))%uint64(e.dims)] = 1
	}
	return total
}

func (e *Embedder) add(v []float32, h uint64, x float32) {
	if e.p.Spread > 1 {
		x /= float32(math.Sqrt(float64(e.p.Spread)))
	}
	for k := range e.p.Spread {
		m := mix(h + uint64(k)*0x9e3779b97f4a7c15)
		y := x
		if m>>63 == 1 {
			y = -x
		}
		v[(m&0xffffffff)*uint64(len(v))>>32] += y
	}
}

func (e *Embedder) chars(v []float32, w []byte, x float32) {
	n := 0
	for size := e.p.MinGram; size <= e.p.MaxGram; size++ {
		n += max(0, len(w)-size+1)
	}
	if n == 0 {
		return
	}
	x /= float32(math.Sqrt(float64(n)))
	for i := range w {
		h := uint64(0x9ae16a3b2f90404f)
		for j := i; j < len(w) && j < i+e.p.MaxGram; j++ {
			h = (h ^ uint64(w[j])) * fnvPrime
			if j-i+1 >= e.p.MinGram {
				m := mix(h)
				y := x
				if m>>63 == 1 {
					y = -x
				}
				v[(m&0xffffffff)*uint64(len(v))>>32] += y
			}
		}
	}
}
