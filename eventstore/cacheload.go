package eventstore

import (
	"context"
	"fmt"
	"time"
)

// load collects what the tail brings about an entity while it is being loaded,
// so that nothing is missed between the read and the caching.
type load struct {
	missed []Record
	users  int
}

// fetch loads an entity from the log and caches it.
func (c *Cache[S]) fetch(ctx context.Context, e Entity) (entry[S], error) {
	c.mu.Lock()
	l, ok := c.loading[e]
	if !ok {
		l = &load{}
		c.loading[e] = l
	}
	l.users++
	observed := c.observed
	c.mu.Unlock()

	en, err := c.read(ctx, e, observed)

	c.mu.Lock()
	defer c.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(c.loading, e)
	}
	if err == nil {
		en, err = c.fold(en, l.missed)
	}
	if err != nil {
		return entry[S]{}, err
	}
	c.keep(en)
	return en, nil
}

// read folds the entity's history, which covers at least what the tail has
// shown already.
func (c *Cache[S]) read(ctx context.Context, e Entity, observed uint64) (entry[S], error) {
	en := entry[S]{entity: e, loaded: Loaded[S]{State: c.model.New(e.ID)}}
	subject, err := e.Subject()
	if err != nil {
		return en, err
	}
	records, err := c.s.settledHistory(ctx, subject, observed)
	if err != nil {
		return en, fmt.Errorf("load %s: %w", e, err)
	}
	return c.fold(en, records)
}

// settledHistory is the history of a subject that covers the log at least up
// to a sequence. With one replica every read does. With several, a replica may
// be behind: then the leader says how far the subject goes, once it has itself
// come as far as asked.
func (s *Store) settledHistory(ctx context.Context, subject string, covers uint64) ([]Record, error) {
	if s.replicas == 1 {
		return s.history(ctx, subject, 0)
	}
	for try := 0; ; try++ {
		end, err := s.LastSeq(ctx)
		if err != nil {
			return nil, err
		}
		if end >= covers {
			break
		}
		if try == 10 || !sleep(ctx, time.Millisecond<<try) {
			return nil, fmt.Errorf("leader is at %d, before %d: %w", end, covers, ErrUnavailable)
		}
	}
	last, err := s.leaderLast(ctx, subject)
	if err != nil {
		return nil, err
	}
	return s.historyTo(ctx, subject, 0, last)
}
