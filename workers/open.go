package workers

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
)

// ask has the loop run q. It fails when ctx ends first, or when the
// coordinator has stopped.
func (c *Coordinator) ask(ctx context.Context, q func(now time.Time)) error {
	answered := make(chan struct{})
	select {
	case c.queries <- func() { q(c.cfg.Now()); close(answered) }:
		<-answered
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.stopped:
		return errStopped
	}
}

// Open returns the assignments that an agent holds, begun or not, oldest
// first, with their inputs. An agent asks for them when it (re)connects. It
// fails with agent.ErrNotFound when this node has not read of the agent (yet), with an Unavailable error when the coordinator
// has stopped, or when an input cannot be read from the log.
func (c *Coordinator) Open(ctx context.Context, tenant, agentID string) ([]Assignment, error) {
	var open []Assignment
	trimmed := map[int]uint64{}
	known := false
	err := c.ask(ctx, func(time.Time) {
		m := c.fleet.member(key{tenant, agentID})
		if m == nil {
			return
		}
		known = true
		for _, w := range m.attempts() {
			if w.trimmed {
				trimmed[len(open)] = w.submit
			}
			open = append(open, w.assignment(w.state().Attempt, c.lease.term))
		}
	})
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, agent.ErrNotFound
	}
	for i, submit := range trimmed {
		if open[i].Spec.Input, err = c.input(ctx, submit); err != nil {
			return nil, err
		}
	}
	return open, nil
}
