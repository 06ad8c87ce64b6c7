package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// updateTries is how often Update decides before it answers a conflict.
const updateTries = 10

// Update changes one entity: it loads the state, lets decide turn it into
// events, and appends them, provided that nobody was first; else it reloads and
// decides again, up to ten times. Updates of one entity in this process go one
// after the other. It returns the sequence of the entity's last event that it
// knows, which is the receipt's if that holds records.
//
// When the command's id is among the entity's events already, those are
// returned with Receipt.Repeat, and decide's answer does not count. When decide
// returns no events, nothing is appended and the Receipt is empty. An error of
// decide is returned as it is, once it is certain that it was made on the
// entity's present state. Other errors are those of Load and Append.
func (c *Cache[S]) Update(ctx context.Context, e Entity, cmd Command, decide func(S) ([]NewEvent, error)) (uint64, Receipt, error) {
	unlock, err := c.lock(ctx, e)
	if err != nil {
		return 0, Receipt{}, err
	}
	defer unlock()
	cmd = c.s.complete(cmd)
	for try := 1; ; try++ {
		en, err := c.entry(ctx, e)
		if err != nil {
			return 0, Receipt{}, err
		}
		seq, receipt, err := c.attempt(ctx, en, cmd, decide)
		var conflict *ConflictError
		if !errors.As(err, &conflict) && !errors.Is(err, errStale) {
			return seq, receipt, err
		}
		if try == updateTries {
			return 0, Receipt{}, fmt.Errorf("update %s: gave up after %d tries: %w", e, try, err)
		}
		if conflict != nil {
			sleep(ctx, time.Duration(try)*(time.Millisecond+rand.N(2*time.Millisecond)))
		}
		if err := c.refresh(ctx, en); err != nil {
			return 0, Receipt{}, err
		}
	}
}

// errStale says that a refusal was decided on a state that is behind.
var errStale = errors.New("state is behind")

// attempt decides once on the state of en and appends the outcome.
func (c *Cache[S]) attempt(ctx context.Context, en entry[S], cmd Command, decide func(S) ([]NewEvent, error)) (uint64, Receipt, error) {
	if en.recent.has(c.s.hash(cmd.ID)) {
		if r, err := c.repeat(ctx, en, cmd); err != nil || r.Repeat {
			return en.loaded.Seq, r, err
		}
	}
	events, err := decide(en.loaded.State)
	if err != nil {
		r, err := c.refused(ctx, en, cmd, err)
		return en.loaded.Seq, r, err
	}
	if len(events) == 0 {
		return en.loaded.Seq, Receipt{}, nil
	}
	w := Write{Entity: en.entity, Expect: en.loaded.Seq, Events: events}
	receipt, err := c.s.Append(ctx, Decision{Command: cmd, Writes: []Write{w}})
	if err != nil {
		var conflict *ConflictError
		if !errors.As(err, &conflict) {
			c.forget(en.entity)
		}
		return 0, Receipt{}, err
	}
	if receipt.Repeat {
		c.forget(en.entity)
		next, err := c.entry(ctx, en.entity)
		return next.loaded.Seq, receipt, err
	}
	return receipt.Last(), receipt, c.appended(en, receipt.Records)
}

// appended brings the cached entry up to date with what was appended to it.
func (c *Cache[S]) appended(en entry[S], rs []Record) error {
	if c.ends(rs[len(rs)-1]) {
		c.forget(en.entity)
		return nil
	}
	next, err := c.fold(en, rs)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.drop(en.entity)
		return err
	}
	c.advance(next)
	return nil
}

// refused decides what an error of decide means: nothing new in the log, and
// the command is not in it, then it stands.
func (c *Cache[S]) refused(ctx context.Context, en entry[S], cmd Command, refusal error) (Receipt, error) {
	newer, err := c.s.History(ctx, en.entity, en.loaded.Seq)
	if err != nil {
		return Receipt{}, err
	}
	if len(newer) > 0 {
		return Receipt{}, errStale
	}
	if !en.recent.complete() {
		if r, err := c.repeat(ctx, en, cmd); err != nil || r.Repeat {
			return r, err
		}
	}
	return Receipt{}, refusal
}

// repeat looks for the command among all events of the entity.
func (c *Cache[S]) repeat(ctx context.Context, en entry[S], cmd Command) (Receipt, error) {
	subject, err := en.entity.Subject()
	if err != nil {
		return Receipt{}, err
	}
	own, err := c.s.written(ctx, subject, 0, en.loaded.Seq, cmd.ID)
	if err != nil {
		return Receipt{}, fmt.Errorf("look for command in %s: %w", en.entity, err)
	}
	return Receipt{Records: own, Repeat: len(own) > 0}, nil
}

// refresh brings the cached entry up to what the log has after en.
func (c *Cache[S]) refresh(ctx context.Context, en entry[S]) error {
	newer, err := c.s.History(ctx, en.entity, en.loaded.Seq)
	if err != nil {
		return err
	}
	next, err := c.fold(en, newer)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.drop(en.entity)
		return err
	}
	c.advance(next)
	return nil
}
