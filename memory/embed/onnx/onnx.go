package onnx

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/knights-analytics/hugot"
	"github.com/knights-analytics/hugot/backends"
	"github.com/knights-analytics/hugot/options"
	"github.com/knights-analytics/hugot/pipelines"

	"github.com/hivemesh/hivemesh/memory/embed"
)

// Embedder runs one model. It may be used by several goroutines, which take
// turns: one text already uses every core. Close it when done.
type Embedder struct {
	model string
	dims  int
	first bool

	turn     sync.Mutex
	session  *hugot.Session
	pipeline *pipelines.FeatureExtractionPipeline
}

// Open loads the model in dir, which takes a second for 100 MB. Of each text
// maxTokens tokens are read, from 3 to 512, or as many as the model says when
// maxTokens is 0. It returns an error when a file is missing or unreadable,
// or the model is of another kind than the package comment says.
func Open(dir string, maxTokens int) (*Embedder, error) {
	if maxTokens != 0 && (maxTokens < 3 || maxTokens > 512) {
		return nil, fmt.Errorf("open model: %d tokens: want 3 to 512", maxTokens)
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	p, err := prepare(path, maxTokens)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", dir, err)
	}
	defer func() { _ = os.RemoveAll(p.dir) }() // all is in memory once it runs
	e := &Embedder{model: filepath.Base(path) + "@" + p.digest, first: p.first}
	if err := e.load(p); err != nil {
		e.Close()
		return nil, fmt.Errorf("open model %s: %w", dir, err)
	}
	return e, nil
}

// load starts the runtime and embeds one word, which shows that all works and
// how long vectors are.
func (e *Embedder) load(p prepared) (err error) {
	lengths := []int{p.maxTokens}
	for n := 256; n >= 16; n /= 2 { // each length is compiled once, so there are few
		if n < p.maxTokens {
			lengths = append([]int{n}, lengths...)
		}
	}
	e.session, err = hugot.NewGoSession(options.WithGoMLXBatchBuckets([]int{1}), options.WithGoMLXSequenceBuckets(lengths))
	if err != nil {
		return err
	}
	e.pipeline, err = hugot.NewPipeline(e.session, hugot.FeatureExtractionConfig{ModelPath: p.dir, OnnxFilename: "model.onnx", Name: "embed"})
	if err != nil {
		return err
	}
	r, err := e.run("a")
	e.dims = len(r.Vector)
	return err
}

// Close frees the model.
func (e *Embedder) Close() {
	e.turn.Lock()
	defer e.turn.Unlock()
	if e.session != nil {
		_ = e.session.Destroy() // nothing is left to do when freeing fails
		e.session = nil
	}
}

// Model returns the directory's name and a digest of model, tokenizer and
// MaxTokens, so that a model whose vectors differ has another name.
func (e *Embedder) Model() string { return e.model }

// Dimensions returns the length of every vector.
func (e *Embedder) Dimensions() int { return e.dims }

// MaxBatch returns how many texts one call may have; they run one by one.
func (e *Embedder) MaxBatch() int { return 32 }

// Embed returns the texts' vectors; Tokens is what the model read. It returns
// a *embed.Failure with code BadInput when a text is blank, with Refused when
// the model fails, and the context's error when that ends between two texts.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([]embed.Result, error) {
	out := make([]embed.Result, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if strings.TrimSpace(text) == "" {
			return nil, &embed.Failure{Code: embed.BadInput, Reason: fmt.Sprintf("text %d of %d is blank", i+1, len(texts))}
		}
		r, err := e.run(strings.ToValidUTF8(text, " "))
		if err != nil {
			return nil, &embed.Failure{Code: embed.Refused, Reason: fmt.Sprintf("the model fails: %v", err)}
		}
		out[i] = r
	}
	return out, nil
}

// run embeds one text. The runtime panics on models it cannot run; that is an
// error here.
func (e *Embedder) run(text string) (r embed.Result, err error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	defer func() {
		if p := recover(); p != nil {
			r, err = embed.Result{}, fmt.Errorf("run model: %v", p)
		}
	}()
	if e.session == nil {
		return embed.Result{}, fmt.Errorf("run model: closed")
	}
	batch := backends.NewBatch(1)
	defer func() { _ = batch.Destroy() }()
	if err := e.pipeline.Preprocess(batch, []string{text}); err != nil {
		return embed.Result{}, err
	}
	if err := e.pipeline.Forward(batch); err != nil {
		return embed.Result{}, err
	}
	r.Tokens = batch.Input[0].MaxAttentionIndex + 1
	r.Vector, err = e.pool(batch.OutputValues[0], r.Tokens)
	if err != nil {
		return embed.Result{}, err
	}
	return r, embed.Unit(r.Vector)
}

// pool makes one vector of those of the first n tokens.
func (e *Embedder) pool(output any, n int) ([]float32, error) {
	tokens, ok := output.([][][]float32)
	if !ok || len(tokens) != 1 || len(tokens[0]) < n {
		return nil, fmt.Errorf("the model's first output is %T: want a vector a token", output)
	}
	if e.first {
		n = 1
	}
	v := make([]float32, len(tokens[0][0]))
	for _, token := range tokens[0][:n] {
		for i, x := range token {
			v[i] += x
		}
	}
	return v, nil
}
