package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// fleet is a number of no-op agents that note when work reached them.
type fleet struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
	errs chan error

	done  atomic.Int64
	want  atomic.Int64
	mu    sync.Mutex
	waits sample // submit → handler began, ms
	ended chan struct{}
}

// startFleet runs n agents with the given capacity, expecting a number of
// tasks, and waits until all agents are registered.
func startFleet(ctx context.Context, c *client.Client, n, capacity, expect int) (*fleet, error) {
	ctx, stop := context.WithCancel(ctx)
	f := &fleet{stop: stop, errs: make(chan error, n)}
	f.reset(expect)
	for i := range n {
		f.wg.Go(func() {
			err := c.RunAgent(ctx, client.AgentConfig{
				Register: client.RegisterRequest{Name: fmt.Sprintf("bench-%d", i), Capabilities: []string{"noop"}, Capacity: capacity},
				Handler:  f.handle,
			})
			if err != nil && ctx.Err() == nil {
				f.errs <- err
			}
		})
	}
	return f, f.registered(ctx, c, n)
}

// registered waits until the mesh shows n active agents.
func (f *fleet) registered(ctx context.Context, c *client.Client, n int) error {
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		count, cursor := 0, ""
		for {
			page, err := c.Agents(ctx, client.ListOptions{Filter: "status:active", Limit: 1000, Cursor: cursor})
			if err != nil {
				return fmt.Errorf("list agents: %w", err)
			}
			count += len(page.Items)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if count >= n {
			return nil
		}
		select {
		case <-poll.C:
		case err := <-f.errs:
			return fmt.Errorf("run agent: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fleet) handle(_ context.Context, w *client.Work) (any, error) {
	wait := ms(time.Since(w.SubmittedAt))
	f.mu.Lock()
	f.waits = append(f.waits, wait)
	f.mu.Unlock()
	if f.done.Add(1) == f.want.Load() {
		close(f.ended)
	}
	return json.RawMessage(`{"ok":true}`), nil
}

// reset forgets what was measured and expects n tasks.
func (f *fleet) reset(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits, f.ended = nil, make(chan struct{})
	f.done.Store(0)
	f.want.Store(int64(n))
}

// wait returns when the expected tasks have reached a handler.
func (f *fleet) wait(ctx context.Context) error {
	select {
	case <-f.ended:
		return nil
	case err := <-f.errs:
		return fmt.Errorf("run agent: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("%d of %d tasks reached an agent: %w", f.done.Load(), f.want.Load(), ctx.Err())
	}
}

// close ends the agents in order.
func (f *fleet) close() {
	f.stop()
	f.wg.Wait()
}

// settled waits until every task is final in the read model, and returns how
// many completed; it fails when one ended otherwise.
func settled(ctx context.Context, c *client.Client, total int64) error {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		counts, err := c.Counts(ctx, "")
		if err != nil {
			return fmt.Errorf("count tasks: %w", err)
		}
		var completed, other int64
		for _, n := range counts.Now {
			switch n.Status {
			case "completed":
				completed += n.Tasks
			case "failed", "dead_lettered", "cancelled":
				other += n.Tasks
			}
		}
		if other > 0 {
			return fmt.Errorf("%d tasks did not complete", other)
		}
		if completed >= total {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("%d of %d tasks completed", completed, total))
		}
	}
}
