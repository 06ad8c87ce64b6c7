package embedder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/memory/embed"
)

// maxText is how much of a text is embedded, in bytes; models read less.
const maxText = 16 << 10

// parallel is how many items are loaded or appended at a time.
const parallel = 128

// text is an item on its way through a provider.
type text struct {
	key
	item   memory.Item
	vector memory.Vector
	tokens int
}

// embed lets a provider embed a batch and appends what comes of it.
func (e *Embedder) embed(ctx context.Context, p embed.Provider, batch []key) error {
	texts, err := e.load(ctx, p.Model(), batch)
	if err != nil {
		return err
	}
	if err := e.ask(ctx, p, texts); err != nil {
		return err
	}
	if err := e.append(ctx, p, texts); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health.LastFailure, e.health.PausedUntil = "", time.Time{}
	return nil
}

// load reads the items of a batch and leaves out those that need no vector
// any more.
func (e *Embedder) load(ctx context.Context, model string, batch []key) ([]*text, error) {
	items := make([]memory.Item, len(batch))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, k := range batch {
		g.Go(func() error {
			var err error
			items[i], err = e.cfg.Commands.MemoryText(gctx, k.tenant, k.id)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("load what is to be embedded: %w", err)
	}
	var texts []*text
	for i, item := range items {
		if item.Status != memory.StatusLive || item.Text == "" || item.Embedded[model].Hash == item.Hash {
			e.done(model, batch[i])
			continue
		}
		texts = append(texts, &text{key: batch[i], item: item})
	}
	return texts, nil
}

// ask has the texts embedded. When a batch is refused for what is in it, it is
// halved until the text is found that cannot be embedded; that one is set aside.
func (e *Embedder) ask(ctx context.Context, p embed.Provider, texts []*text) error {
	if len(texts) == 0 {
		return nil
	}
	input := make([]string, len(texts))
	for i, t := range texts {
		input[i] = embedText(t.item.Spec)
	}
	results, err := p.Embed(ctx, input)
	var f *embed.Failure
	switch {
	case err == nil:
		for i, r := range results {
			texts[i].vector, texts[i].tokens = r.Vector, r.Tokens
		}
		return nil
	case !errors.As(err, &f) || f.Code != embed.BadInput:
		return err
	case len(texts) == 1:
		e.cfg.Log.Warn().Err(err).Str("tenant", texts[0].tenant).Str("item", texts[0].id).Msg("an item cannot be embedded: it is found by its words alone")
		e.mu.Lock()
		e.backlog.setAside(p.Model(), texts[0].key, e.cfg.Now().Add(setAside))
		e.mu.Unlock()
		return nil
	}
	half := len(texts) / 2
	if err := e.ask(ctx, p, texts[:half]); err != nil {
		return err
	}
	return e.ask(ctx, p, texts[half:])
}

// embedText is what a model reads of an item: what it is about before what it
// says.
func embedText(s memory.Spec) string {
	var parts []string
	if s.Place != nil && s.Place.Heading != "" {
		parts = append(parts, s.Place.Heading)
	}
	if s.Subject != "" {
		parts = append(parts, s.Subject)
	}
	t := strings.Join(append(parts, s.Text), "\n")
	return strings.ToValidUTF8(t[:min(len(t), maxText)], "")
}

// append writes the vectors, and merges what says the same as something else.
func (e *Embedder) append(ctx context.Context, p embed.Provider, texts []*text) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	var merge merges
	for _, t := range texts {
		if t.vector == nil {
			continue
		}
		g.Go(func() error {
			encoded, err := memory.EncodeVector(t.vector)
			if err != nil {
				return fmt.Errorf("encode the vector of %s: %w", t.id, err)
			}
			res, err := e.cfg.Commands.EmbedMemory(gctx, t.tenant, t.id, memory.Embedded{
				Model: p.Model(), Dimensions: len(t.vector), Vector: encoded, Hash: t.item.Hash, Tokens: t.tokens,
			})
			if errors.Is(err, memory.ErrStale) {
				return nil // it says something else by now, and waits again
			}
			if err != nil {
				return fmt.Errorf("append the vector of %s: %w", t.id, err)
			}
			e.done(p.Model(), t.key)
			e.count(t.tokens)
			merge.add(t, res.Seq)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	e.suspect(p.Model(), merge.found)
	return nil
}

func (e *Embedder) done(model string, k key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.backlog.done(model, k)
}

func (e *Embedder) count(tokens int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health.Embedded++
	e.health.Tokens += uint64(max(0, tokens))
}
