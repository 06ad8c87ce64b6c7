package consolidator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/memory"
	"github.com/hivemesh/hivemesh/projections"
)

// How much is kept as it is, and what becomes of the rest.
const (
	kept        = 20   // the latest episodes of a scope stay whole
	fewest      = 5    // episodes that are worth a summary
	most        = 50   // episodes of one summary
	mostBytes   = 4096 // of a summary
	fewestBytes = 256
	shortened   = 4 // a summary is at most this part of its items

	unused    = 30 * 24 * time.Hour // after which an item fades, and again
	mostFaded = 1000                // items of a round
)

// tidy does for one sleeping agent what there is to do.
func (c *Consolidator) tidy(ctx context.Context, s sleeper, seq uint64) error {
	episodes, err := c.list(ctx, s, "kind:episode", seq)
	if err != nil {
		return err
	}
	for scope, of := range byScope(episodes) {
		if err := c.shorten(ctx, s, scope, of); err != nil {
			return err
		}
	}
	return c.fade(ctx, s)
}

// list returns the live items that the agent remembered, oldest first, as the
// read model knows them after seq.
func (c *Consolidator) list(ctx context.Context, s sleeper, filter string, seq uint64) ([]projections.Memory, error) {
	var all []projections.Memory
	q := projections.Query{Filter: fmt.Sprintf("status:live actor:%s %s", s.id, filter), Limit: 1000, After: seq}
	for {
		page, err := c.cfg.Reads.Memories(ctx, s.tenant, nil, q)
		if err != nil {
			return nil, fmt.Errorf("list what the agent remembers: %w", err)
		}
		if page.Seq < seq {
			return nil, errors.New("the read model does not know yet that the agent sleeps")
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			slices.Reverse(all)
			return all, nil
		}
		q.Cursor = page.Next
	}
}

// byScope leaves out what is to stay as it is.
func byScope(items []projections.Memory) map[memory.Scope][]projections.Memory {
	of := map[memory.Scope][]projections.Memory{}
	for _, m := range items {
		if m.Summarisable() {
			of[m.Scope] = append(of[m.Scope], m)
		}
	}
	return of
}

// shorten puts summaries in the place of the oldest episodes of a scope.
func (c *Consolidator) shorten(ctx context.Context, s sleeper, scope memory.Scope, episodes []projections.Memory) error {
	for len(episodes) >= kept+fewest {
		n := min(most, len(episodes)-kept)
		if err := c.summarise(ctx, s, scope, episodes[:n]); err != nil {
			return err
		}
		episodes = episodes[n:]
	}
	return nil
}

func (c *Consolidator) summarise(ctx context.Context, s sleeper, scope memory.Scope, items []projections.Memory) error {
	sum := commands.Summary{Tenant: s.tenant, Agent: s.id, Scope: scope, By: c.cfg.Summariser.Name()}
	texts := make([]string, len(items))
	for i, m := range items {
		texts[i] = m.Text
		sum.Bytes += len(m.Text)
		sum.Items = append(sum.Items, m.ID)
	}
	var err error
	sum.Text, err = c.cfg.Summariser.Summarise(ctx, texts, min(mostBytes, max(fewestBytes, sum.Bytes/shortened)))
	if err != nil {
		return fmt.Errorf("summarise %d episodes: %w", len(items), err)
	}
	if sum.Text == "" || len(sum.Text) >= sum.Bytes {
		return nil // nothing would be won
	}
	if _, err := c.cfg.Commands.SummariseMemory(ctx, sum); err != nil {
		return err
	}
	c.cfg.Log.Info().Str("tenant", s.tenant).Str("agent", s.id).Int("items", len(items)).Int("bytes_before", sum.Bytes).
		Int("bytes_after", len(sum.Text)).Msg("episodes summarised")
	return nil
}

// fade has the items that the read model has not seen used for long matter
// less; whether they were is decided on the item.
func (c *Consolidator) fade(ctx context.Context, s sleeper) error {
	since := c.cfg.Now().Add(-unused)
	items, err := c.list(ctx, s, fmt.Sprintf("kind:fact,decision,skill updated<%s", since.UTC().Format(time.RFC3339)), 0)
	if err != nil {
		return err
	}
	for _, m := range items[:min(len(items), mostFaded)] {
		if _, err := c.cfg.Commands.FadeMemory(ctx, s.tenant, m.ID, since); err != nil {
			return fmt.Errorf("fade item %s: %w", m.ID, err)
		}
	}
	return nil
}
