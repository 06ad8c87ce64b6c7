package api

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

// progressPause is how long after an attempt's last progress event the next
// one may follow; what is told in between is a signal only.
const progressPause = 10 * time.Second

// progressed tells watchers of an attempt's progress, and makes it an event
// when the last one is old enough. A signal is answered without a position.
func (a *API) progressed(ctx context.Context, c caller, m commands.Meta, ref commands.AttemptRef, r client.AttemptReport) (commands.Result, error) {
	if r.Percent < 0 || r.Percent > 100 {
		return commands.Result{}, domain.InvalidField("percent", "%d is not between 0 and 100", r.Percent)
	}
	if err := a.cfg.Commands.Authorise(c.actor, "task.progress", a.cfg.Commands.AboutAgent(ctx, c.actor, ref.Agent)); err != nil {
		return commands.Result{}, err
	}
	r.Task, r.Agent = ref.Task, ref.Agent
	if data, err := json.Marshal(r); err == nil {
		_ = a.cfg.NATS.Publish(client.ProgressSubject(c.actor.Tenant, ref.Task), data) // a signal may be lost
	}
	key := attemptKey{tenant: c.actor.Tenant, task: ref.Task, attempt: r.Attempt}
	if !a.pace.admit(key, time.Now()) {
		return commands.Result{ID: ref.Task}, nil
	}
	res, err := a.cfg.Commands.ProgressTask(ctx, c.actor, m, ref, r.Percent, r.Message)
	if err != nil {
		a.pace.forget(key)
	}
	return res, err
}

type attemptKey struct {
	tenant, task string
	attempt      int
}

// pace remembers when attempts last made a progress event, on whatever node.
type pace struct {
	mu   sync.Mutex
	last map[attemptKey]time.Time
}

func newPace() *pace { return &pace{last: map[attemptKey]time.Time{}} }

// admit reports whether the attempt may make an event now, and if so notes it.
func (p *pace) admit(k attemptKey, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.last[k]; ok && now.Sub(last) < progressPause {
		return false
	}
	p.last[k] = now
	p.sweep(now)
	return true
}

func (p *pace) forget(k attemptKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, k)
}

// observe notes the progress events of all nodes.
func (p *pace) observe(rs []eventstore.Record, now time.Time) {
	for _, r := range rs {
		if r.Type != "task.progressed" {
			continue
		}
		var d struct {
			Attempt int `json:"attempt"`
		}
		if json.Unmarshal(r.Data, &d) != nil {
			continue
		}
		p.mu.Lock()
		p.last[attemptKey{r.Entity.Tenant, r.Entity.ID, d.Attempt}] = now
		p.sweep(now)
		p.mu.Unlock()
	}
}

// sweep drops what is too old to matter once there is much of it.
func (p *pace) sweep(now time.Time) {
	if len(p.last) < 1024 || len(p.last)&(len(p.last)-1) != 0 { // at powers of two: cheap on average
		return
	}
	for k, last := range p.last {
		if now.Sub(last) >= progressPause {
			delete(p.last, k)
		}
	}
}
