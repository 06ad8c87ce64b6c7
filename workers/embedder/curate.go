package embedder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hivemesh/hivemesh/domain/memory"
)

// maxUnchecked bounds how many items wait for the read model.
const maxUnchecked = 10_000

// merges are the items of a batch that may say the same as others.
type merges struct {
	mu    sync.Mutex
	found []fresh
}

// fresh is an item that has just been embedded.
type fresh struct {
	*text
	model string // that embedded it
	seq   uint64 // of the event
}

// add keeps an item in mind if its kind is one that piles up: passages of
// documents stay, since each is a place in one.
func (m *merges) add(t *text, seq uint64) {
	if k := t.item.Kind; k != memory.KindFact && k != memory.KindDecision && k != memory.KindSkill {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found = append(m.found, fresh{text: t, seq: seq})
}

// suspect keeps in mind what the model that searches use has just embedded.
func (e *Embedder) suspect(model string, found []fresh) {
	e.mu.Lock()
	active := e.health.Active == model
	e.mu.Unlock()
	if e.cfg.Nearest == nil || !active {
		return
	}
	for _, f := range found {
		f.model = model
		e.unchecked = append(e.unchecked, f)
	}
	if n := len(e.unchecked) - maxUnchecked; n > 0 {
		e.unchecked = e.unchecked[n:]
	}
}

// merge puts each item that says nearly the same as an older one into it. One
// after the other, oldest first: of two new ones, the later goes. It reports
// whether it did something; while the read model does not answer, they wait.
func (e *Embedder) merge(ctx context.Context) (bool, error) {
	found := e.unchecked
	slices.SortFunc(found, func(a, b fresh) int { return a.item.RememberedAt.Compare(b.item.RememberedAt) })
	var last uint64
	for _, f := range found {
		last = max(last, f.seq)
	}
	merged := map[string]string{} // where those of this round went
	for _, f := range found {
		id, distance, ok, err := e.cfg.Nearest(ctx, f.tenant, f.item, f.model, f.vector, last)
		if err != nil {
			e.cfg.Log.Debug().Err(err).Msg("duplicates wait: the read model does not answer")
			return false, nil
		}
		for merged[id] != "" { // the read model has not heard of it yet
			id = merged[id]
		}
		if ok && distance <= e.cfg.SameDistance && id != f.id {
			if _, err := e.cfg.Commands.MergeMemory(ctx, f.tenant, f.id, id, distance); err != nil && !errors.Is(err, memory.ErrNotLive) {
				return false, fmt.Errorf("merge %s into %s: %w", f.id, id, err)
			}
			merged[f.id] = id
		}
		e.unchecked = e.unchecked[1:]
	}
	return len(found) > 0, nil
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
