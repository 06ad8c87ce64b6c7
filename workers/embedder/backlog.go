package embedder

import (
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/eventstore"
)

// key names an item.
type key struct{ tenant, id string }

// waitingItem is an item that a model has not embedded.
type waitingItem struct {
	hash  string    // of what it says; empty when that is not known here
	until time.Time // set aside until then
}

// backlog is what waits, folded from the memory events alone: it holds what
// is open, not everything that is remembered.
type backlog struct {
	models   []string
	open     map[string]map[key]waitingItem // by model
	order    map[string][]key               // by model, as they came; some may be done
	subjects map[subject]key                // the latest live item about it
	of       map[key]subject
	older    []replaced // to be superseded
}

// subject is what items of a scope are about.
type subject struct {
	tenant string
	scope  memory.Scope
	kind   memory.Kind
	name   string
}

// replaced is an item with the newer one about the same subject.
type replaced struct {
	key
	by string
}

func newBacklog(models []string) backlog {
	b := backlog{models: models, open: map[string]map[key]waitingItem{}, order: map[string][]key{}, subjects: map[subject]key{}, of: map[key]subject{}}
	for _, m := range models {
		b.open[m] = map[key]waitingItem{}
	}
	return b
}

// fold takes in one event. What this binary does not know, it leaves alone.
func (b *backlog) fold(r eventstore.Record) {
	event, err := memory.Decode(r.Type, r.Schema, r.Data)
	if err != nil {
		return
	}
	k := key{r.Entity.Tenant, r.Entity.ID}
	switch e := event.(type) {
	case memory.Remembered:
		b.wait(k, waitingItem{hash: e.Hash})
		b.about(k, e.Spec)
	case memory.Corrected:
		b.wait(k, waitingItem{hash: e.Hash})
	case memory.Restored:
		b.wait(k, waitingItem{})
	case memory.Embedded:
		if w, ok := b.open[e.Model][k]; ok && (w.hash == "" || w.hash == e.Hash) {
			delete(b.open[e.Model], k)
		}
	case memory.Superseded, memory.Merged, memory.Forgotten:
		for _, m := range b.models {
			delete(b.open[m], k)
		}
		b.gone(k)
	}
}

func (b *backlog) wait(k key, w waitingItem) {
	for _, m := range b.models {
		if _, known := b.open[m][k]; !known {
			b.order[m] = append(b.order[m], k)
		}
		b.open[m][k] = w
	}
}

// about notes what an item is about. One that had been there before with the
// same subject is superseded.
func (b *backlog) about(k key, s memory.Spec) {
	if s.Subject == "" {
		return
	}
	sub := subject{k.tenant, s.Scope, s.Kind, s.Subject}
	if old, ok := b.subjects[sub]; ok && old != k {
		b.older = append(b.older, replaced{old, k.id})
		delete(b.of, old)
	}
	b.subjects[sub], b.of[k] = k, sub
}

// gone forgets an item that is live no more.
func (b *backlog) gone(k key) {
	b.older = slices.DeleteFunc(b.older, func(r replaced) bool { return r.key == k })
	if sub, ok := b.of[k]; ok {
		delete(b.subjects, sub)
		delete(b.of, k)
	}
}

// take returns up to n items that wait for a model, in the order in which they
// came. They wait until they are done.
func (b *backlog) take(model string, n int, now time.Time) []key {
	out := make([]key, 0, n)
	var kept []key
	order := b.order[model]
	for len(order) > 0 && len(out) < n {
		k := order[0]
		order = order[1:]
		w, open := b.open[model][k]
		if !open {
			continue
		}
		kept = append(kept, k)
		if !now.Before(w.until) {
			out = append(out, k)
		}
	}
	b.order[model] = append(order, kept...)
	return out
}

func (b *backlog) done(model string, k key) { delete(b.open[model], k) }

func (b *backlog) setAside(model string, k key, until time.Time) {
	if w, ok := b.open[model][k]; ok {
		w.until = until
		b.open[model][k] = w
	}
}

// waiting counts what a model has not embedded, without what is set aside.
func (b *backlog) waiting(model string) int { return len(b.open[model]) - b.aside(model) }

// aside counts what is set aside.
func (b *backlog) aside(model string) int {
	n := 0
	for _, w := range b.open[model] {
		if !w.until.IsZero() {
			n++
		}
	}
	return n
}
