// Package rememberer keeps the results of tasks that were submitted to be
// remembered. It follows the task events of the log; the node that leads acts.
//
//	task.submitted (remember) ──► wanted ── task.completed ──► due ──► memory.remembered
//
// The id of the item comes from the task's, so that a replay, another node or
// a restart finds it there and writes nothing. What the log refuses for now is
// tried again; a result that is no item (empty, too long, kept outside the log)
// is passed over.
package rememberer

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers/follow"
)

const (
	idle  = time.Second     // between looks when nothing comes
	pause = 2 * time.Second // after a failure
)

// Config is what a Rememberer needs.
type Config struct {
	Store    *eventstore.Store
	Commands *commands.Service
	Leads    func() bool // whether this node acts
	Log      zerolog.Logger
}

// Rememberer remembers results.
type Rememberer struct {
	cfg  Config
	wake chan struct{} // holds one: something is due

	mu     sync.Mutex
	wanted map[key]struct{} // tasks that are to be remembered and have not completed
	due    []commands.TaskResult
}

type key struct{ tenant, id string }

// New returns a Rememberer that does nothing until Run.
func New(cfg Config) *Rememberer {
	return &Rememberer{cfg: cfg, wake: make(chan struct{}, 1), wanted: map[key]struct{}{}}
}

// Run follows the log and remembers while this node leads, until ctx ends: nil
// then, or the error that broke the tail.
func (r *Rememberer) Run(ctx context.Context) error {
	return follow.Run(ctx, r.cfg.Store, "task", "rememberer", r.fold, r.work)
}

// asked is in the first event of every task that is to be remembered; others
// are not decoded.
const asked = `"remember":true`

func (r *Rememberer) fold(rs []eventstore.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range rs {
		k := key{rec.Entity.Tenant, rec.Entity.ID}
		switch rec.Type {
		case task.Submitted{}.Type():
			if !bytes.Contains(rec.Data, []byte(asked)) {
				continue
			}
			if e, err := task.Decode(rec.Type, rec.Schema, rec.Data); err == nil && e.(task.Submitted).Remember {
				r.wanted[k] = struct{}{}
			}
		case task.Completed{}.Type():
			if _, ok := r.wanted[k]; !ok {
				continue
			}
			delete(r.wanted, k)
			if e, err := task.Decode(rec.Type, rec.Schema, rec.Data); err == nil {
				done := e.(task.Completed)
				r.due = append(r.due, commands.TaskResult{
					Tenant: k.tenant, Task: k.id, Agent: done.Agent, Result: done.Result, Seq: rec.Seq, Event: rec.ID, Correlation: rec.Correlation,
				})
			}
		}
	}
	if len(r.due) > 0 {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// work remembers what is due whenever this node leads.
func (r *Rememberer) work(ctx context.Context) {
	for ctx.Err() == nil {
		wait := idle
		for ctx.Err() == nil && r.cfg.Leads() {
			next, ok := r.next()
			if !ok {
				break
			}
			_, err := r.cfg.Commands.RememberResult(ctx, next)
			if k := domain.KindOf(err); err != nil && k != domain.Invalid && k != domain.TooLarge {
				if ctx.Err() == nil {
					r.cfg.Log.Warn().Err(err).Str("task", next.Task).Msg("a result could not be remembered; trying again")
				}
				wait = pause
				break
			}
			if err != nil {
				r.cfg.Log.Info().Err(err).Str("task", next.Task).Msg("a result is not remembered")
			}
			r.done()
		}
		r.rest(ctx, wait)
	}
}

func (r *Rememberer) rest(ctx context.Context, d time.Duration) {
	wake := r.wake
	if d == pause {
		wake = nil // whatever else comes waits, too
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-wake:
	}
}

// next is the oldest that is due; done takes it off.
func (r *Rememberer) next() (commands.TaskResult, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.due) == 0 {
		return commands.TaskResult{}, false
	}
	return r.due[0], true
}

func (r *Rememberer) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due = r.due[1:]
}

// Waiting returns how many results are due on this node.
func (r *Rememberer) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.due)
}
