package embedder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// merges are the items of a batch that may say the same as others.
type merges struct {
	mu    sync.Mutex
	found []fresh
}

// fresh is an item that has just been embedded.
type fresh struct {
	*text
	seq uint64 // of the event
}

// add keeps an item in mind if its kind is one that piles up: passages of
// documents stay, since each is a place in one.
func (m *merges) add(t *text, seq uint64) {
	if k := t.item.Kind; k != memory.KindFact && k != memory.KindDecision && k != memory.KindSkill {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found = append(m.found, fresh{t, seq})
}

// merge puts each item that says nearly the same as an older one into it. One
// after the other, oldest first: of two new ones, the later goes.
func (e *Embedder) merge(ctx context.Context, model string, found []fresh) error {
	e.mu.Lock()
	active := e.health.Active == model
	e.mu.Unlock()
	if e.cfg.Nearest == nil || !active || len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b fresh) int { return a.item.RememberedAt.Compare(b.item.RememberedAt) })
	last := found[0].seq
	for _, f := range found {
		last = max(last, f.seq)
	}
	merged := map[string]bool{}
	for _, f := range found {
		id, distance, ok, err := e.cfg.Nearest(ctx, f.tenant, f.item, model, f.vector, last)
		if err != nil {
			e.cfg.Log.Debug().Err(err).Msg("duplicates are not looked for: the read model does not answer")
			return nil
		}
		if !ok || distance > e.cfg.SameDistance || merged[id] {
			continue
		}
		if _, err := e.cfg.Commands.MergeMemory(ctx, f.tenant, f.id, id, distance); err != nil {
			return fmt.Errorf("merge %s into %s: %w", f.id, id, err)
		}
		merged[f.id] = true
	}
	return nil
}

// supersede retires what something newer has been said about.
func (e *Embedder) supersede(ctx context.Context) (bool, error) {
	e.mu.Lock()
	older := slices.Clone(e.backlog.older)
	e.mu.Unlock()
	for _, r := range older {
		if _, err := e.cfg.Commands.ReplaceMemory(ctx, r.tenant, r.id, r.by); err != nil && !errors.Is(err, memory.ErrNotLive) {
			return false, fmt.Errorf("supersede %s: %w", r.id, err)
		}
		e.mu.Lock()
		e.backlog.gone(r.key)
		e.mu.Unlock()
	}
	return len(older) > 0, nil
}
