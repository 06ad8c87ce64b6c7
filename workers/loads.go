package workers

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	parallelLoads = 8
	loadAgain     = time.Second // after the log could not be read
)

// The loop itself never waits for the log. Two things are read from it beside
// the loop: inputs too large to keep, when an agent is told of an attempt, and
// the history of a task that comes back after it was final.

// load is an attempt to be told to its agent once its input has been read.
type load struct {
	tenant string
	agent  string
	submit uint64 // sequence of the event that holds the input

	trimmed bool // the input is there only
	briefed bool // the task asks for memory
	assign  Assignment
}

// history is a task as loaded from the log.
type history struct {
	work   *work
	loaded eventstore.Loaded[task.Task]
	submit uint64
	err    error // an event that this binary does not know
}

// runLoads reads what the loop asks for, until ctx ends.
func (c *Coordinator) runLoads(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(parallelLoads)
	for {
		select {
		case <-ctx.Done():
			_ = g.Wait() // the functions return no errors
			return
		case <-c.hintLoads.wake:
			for _, l := range c.hintLoads.take() {
				g.Go(func() error { c.loadHint(ctx, l); return nil })
			}
		case <-c.histLoads.wake:
			for _, w := range c.histLoads.take() {
				g.Go(func() error { c.loadHistory(ctx, w); return nil })
			}
		}
	}
}

// loadHint tells the agent of the attempt once its input is there. If the log
// cannot be read, the attempt is told again later anyway.
func (c *Coordinator) loadHint(ctx context.Context, l load) {
	if l.trimmed {
		input, err := c.input(ctx, l.submit)
		if err != nil {
			c.cfg.Log.Warn().Err(err).Str("task", l.assign.Task).Msg("an assignment could not be told to its agent; it is told again later")
			return
		}
		l.assign.Spec.Input = input
	}
	if l.briefed {
		c.cfg.SendBriefed(ctx, l.tenant, l.agent, l.assign)
		return
	}
	c.cfg.Send(l.tenant, l.agent, Message{Assign: &l.assign})
}

// input reads a task's input from its first event.
func (c *Coordinator) input(ctx context.Context, submit uint64) (domain.Payload, error) {
	r, err := c.cfg.Store.Get(ctx, submit)
	if err != nil {
		return domain.Payload{}, fmt.Errorf("load input at %d: %w", submit, err)
	}
	t, err := commands.FoldTask(task.Task{}, r)
	if err != nil {
		return domain.Payload{}, fmt.Errorf("load input at %d: %w", submit, err)
	}
	return t.Spec.Input, nil
}

// loadHistory brings a task back, however long the log takes to answer.
func (c *Coordinator) loadHistory(ctx context.Context, w *work) {
	for {
		h, err := c.history(ctx, w.key)
		if err == nil {
			h.work = w
			c.histories.put(h)
			return
		}
		c.cfg.Log.Warn().Err(err).Str("task", w.id).Msg("a task that was requeued could not be loaded; trying again")
		select {
		case <-ctx.Done():
			return
		case <-time.After(loadAgain):
		}
	}
}

// history folds every event of a task. A task without events is zero.
func (c *Coordinator) history(ctx context.Context, k key) (history, error) {
	rs, err := c.cfg.Store.History(ctx, eventstore.Entity{Tenant: k.tenant, Kind: "task", ID: k.id}, 0)
	if err != nil {
		return history{}, fmt.Errorf("load task %s: %w", k.id, err)
	}
	var h history
	for _, r := range rs {
		if h.submit == 0 {
			h.submit = r.Seq
		}
		next, err := commands.FoldTask(h.loaded.State, r)
		h.loaded.Seq = r.Seq
		if err != nil {
			h.err = err
			break
		}
		h.loaded.State = next
	}
	return h, nil
}
