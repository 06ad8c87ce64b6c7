package eventstore

import (
	"container/list"
	"context"
	"fmt"
	"sync"
)

// Model says how one kind of entity is folded from its events. New returns the
// state of an entity without events. Apply returns the next state; it must not
// change the one it is given, which others may be reading, and returns an error
// for an event it does not know. Begins is the type of the event that an entity
// of this kind always and only begins with, if there is one: then new entities
// are cached when a tail brings them. Ends is the type of the event after which
// an entity is hardly asked for, if there is one: then it is cached no longer.
type Model[S any] struct {
	Kind   string
	Begins string
	Ends   string
	New    func(id string) S
	Apply  func(S, Record) (S, error)
}

// Loaded is a folded state and the sequence of the last event in it; 0 for an
// entity without events.
type Loaded[S any] struct {
	State S
	Seq   uint64
}

// Cache keeps the folded states of the entities of one kind that were used
// last. It may be fed by a tail (Observe); then it follows what other writers
// do. A state that is behind costs a retry, never a wrong write.
type Cache[S any] struct {
	s     *Store
	model Model[S]
	limit int

	mu       sync.Mutex
	entries  map[Entity]*list.Element // of *entry[S]; front = used last
	order    *list.List
	loading  map[Entity]*load
	locks    map[Entity]*entityLock
	observed uint64 // sequence of the last record observed
}

// entry is one cached entity.
type entry[S any] struct {
	entity Entity
	loaded Loaded[S]
	recent commandLog
}

// NewCache returns an empty cache of at most limit entities.
func NewCache[S any](s *Store, m Model[S], limit int) *Cache[S] {
	return &Cache[S]{
		s: s, model: m, limit: max(limit, 1),
		entries: make(map[Entity]*list.Element), order: list.New(),
		loading: make(map[Entity]*load), locks: make(map[Entity]*entityLock),
	}
}

// Load returns the entity's state, from the cache or from the log. It may be
// behind. The error is a *ReadOnlyError for an event that the model does not
// know, else as History's.
func (c *Cache[S]) Load(ctx context.Context, e Entity) (Loaded[S], error) {
	en, err := c.entry(ctx, e)
	return en.loaded, err
}

// Reload is Load past the cache: for whoever was just told of a conflict.
func (c *Cache[S]) Reload(ctx context.Context, e Entity) (Loaded[S], error) {
	c.forget(e)
	return c.Load(ctx, e)
}

// entry returns a copy of the entity's entry, loading it when it is not cached.
func (c *Cache[S]) entry(ctx context.Context, e Entity) (entry[S], error) {
	if e.Kind != c.model.Kind {
		return entry[S]{}, fmt.Errorf("cache of %s asked for %s: %w", c.model.Kind, e, ErrInvalid)
	}
	c.mu.Lock()
	if el, ok := c.entries[e]; ok {
		c.order.MoveToFront(el)
		en := *el.Value.(*entry[S])
		c.mu.Unlock()
		return en, nil
	}
	c.mu.Unlock()
	return c.fetch(ctx, e)
}

// Observe takes records from a tail. They must come in order and without
// gaps, beginning before anything is loaded or at least with the first record
// that the log got afterwards. Records of other kinds are passed over.
func (c *Cache[S]) Observe(rs []Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		if r.Seq <= c.observed {
			continue
		}
		c.observed = r.Seq
		if r.Entity.Kind != c.model.Kind {
			continue
		}
		if l, ok := c.loading[r.Entity]; ok {
			l.missed = append(l.missed, r)
		}
		c.observe(r)
	}
}

// Put replaces a cached state that stands at after by next, which somebody else
// folded from it and the record of the given command. Any other state is left
// to Observe.
func (c *Cache[S]) Put(e Entity, after uint64, next Loaded[S], command string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[e]
	if !ok || el.Value.(*entry[S]).loaded.Seq != after {
		return
	}
	en := *el.Value.(*entry[S])
	en.loaded = next
	en.recent.add(c.s.hash(command))
	c.advance(en)
}

// observe brings a cached entity up to date, or caches a new one. The caller
// holds mu.
func (c *Cache[S]) observe(r Record) {
	el, cached := c.entries[r.Entity]
	if !cached && (r.Type != c.model.Begins || c.model.Begins == "") {
		return
	}
	en := entry[S]{entity: r.Entity, loaded: Loaded[S]{State: c.model.New(r.Entity.ID)}}
	if cached {
		en = *el.Value.(*entry[S])
	}
	if c.ends(r) {
		c.drop(r.Entity)
		return
	}
	next, err := c.fold(en, []Record{r})
	switch {
	case err != nil:
		c.drop(r.Entity)
	case cached:
		*el.Value.(*entry[S]) = next
	default:
		c.keep(next)
	}
}

func (c *Cache[S]) ends(r Record) bool { return c.model.Ends != "" && r.Type == c.model.Ends }

// fold applies the records that come after the entry's state.
func (c *Cache[S]) fold(en entry[S], rs []Record) (entry[S], error) {
	for _, r := range rs {
		if r.Seq <= en.loaded.Seq {
			continue
		}
		state, err := c.model.Apply(en.loaded.State, r)
		if err != nil {
			return en, &ReadOnlyError{Entity: r.Entity, Seq: r.Seq, Type: r.Type, Err: err}
		}
		en.loaded = Loaded[S]{State: state, Seq: r.Seq}
		en.recent.add(c.s.hash(r.Command))
	}
	return en, nil
}

// keep caches an entry that misses nothing of what was observed. The caller
// holds mu.
func (c *Cache[S]) keep(en entry[S]) {
	if c.advance(en) {
		return
	}
	c.entries[en.entity] = c.order.PushFront(&en)
	if c.order.Len() > c.limit {
		c.drop(c.order.Back().Value.(*entry[S]).entity)
	}
}

// advance replaces the cached entry by a later one and reports whether there
// is one. An entity that is not cached is left to fetch: only that can tell
// that nothing was missed. The caller holds mu.
func (c *Cache[S]) advance(en entry[S]) bool {
	el, ok := c.entries[en.entity]
	if !ok {
		return false
	}
	c.order.MoveToFront(el)
	if el.Value.(*entry[S]).loaded.Seq < en.loaded.Seq {
		*el.Value.(*entry[S]) = en
	}
	return true
}

// drop forgets an entity. The caller holds mu.
func (c *Cache[S]) drop(e Entity) {
	if el, ok := c.entries[e]; ok {
		c.order.Remove(el)
		delete(c.entries, e)
	}
}

func (c *Cache[S]) forget(e Entity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(e)
}
