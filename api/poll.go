package api

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	maxWait      = 30 * time.Second
	flushTimeout = 5 * time.Second
	maxMessages  = 256     // in one answer; the rest is told again
	maxPending   = 4 << 20 // bytes of inputs in one answer
)

// poll returns the messages that wait for an agent, or, if there are none,
// the first that come within wait. An open poll is a sign of life that names
// the attempts held.
func (a *API) poll(ctx context.Context, c caller, id string, held []client.Held, wait time.Duration) (client.Messages, error) {
	tenant := c.actor.Tenant
	inbox := make(chan *nats.Msg, maxMessages)
	sub, err := a.cfg.NATS.ChanSubscribe(client.InboxSubject(tenant, id), inbox)
	if err == nil {
		defer func() { _ = sub.Unsubscribe() }()    // the connection may be gone
		err = a.cfg.NATS.FlushTimeout(flushTimeout) // so that every node knows of it
	}
	if err != nil {
		return client.Messages{}, natsUnavailable(err)
	}
	if err := a.beat(tenant, id, held); err != nil {
		return client.Messages{}, err
	}
	waiting, err := a.pending(ctx, tenant, id, held)
	if err != nil || len(waiting.Messages) > 0 {
		return waiting, err
	}
	return a.await(ctx, tenant, id, held, wait, inbox)
}

// await waits for messages and gives signs of life for the agent meanwhile.
func (a *API) await(ctx context.Context, tenant, id string, held []client.Held, wait time.Duration, inbox <-chan *nats.Msg) (client.Messages, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	tick := time.NewTicker(a.cfg.Heartbeat)
	defer tick.Stop()
	none := client.Messages{Messages: []client.Inbox{}}
	for {
		select {
		case <-ctx.Done():
			return none, ctx.Err()
		case <-a.stopping:
			return none, nil
		case <-over.C:
			return none, nil
		case <-tick.C:
			if err := a.beat(tenant, id, held); err != nil {
				return none, err
			}
		case m := <-inbox:
			if out := unheld(gather(m, inbox), held); len(out.Messages) > 0 {
				return out, nil
			}
		}
	}
}

// gather takes what else has come by now.
func gather(first *nats.Msg, inbox <-chan *nats.Msg) []client.Inbox {
	var out []client.Inbox
	for m := first; m != nil; {
		var in client.Inbox
		if json.Unmarshal(m.Data, &in) == nil {
			out = append(out, in)
		}
		select {
		case m = <-inbox:
		default:
			m = nil
		}
	}
	return out
}

// unheld leaves out the assignments that the agent has already.
func unheld(in []client.Inbox, held []client.Held) client.Messages {
	out := client.Messages{Messages: []client.Inbox{}}
	for _, m := range in {
		if m.Assign == nil || !holds(held, m.Assign.Task, m.Assign.Attempt) {
			out.Messages = append(out.Messages, m)
		}
	}
	return out
}

func holds(held []client.Held, task string, attempt int) bool {
	for _, h := range held {
		if h.Task == task && h.Attempt == attempt {
			return true
		}
	}
	return false
}

// pending compares what an agent holds with what it should: assignments that
// it does not have come as such, attempts that are over as revocations.
func (a *API) pending(ctx context.Context, tenant, id string, held []client.Held) (client.Messages, error) {
	out := client.Messages{Messages: []client.Inbox{}}
	open, err := a.cfg.Coordinator.Open(ctx, tenant, id)
	if errors.Is(err, agent.ErrNotFound) && a.registered(ctx, tenant, id) {
		return out, nil // this node has not read of it yet
	}
	if err != nil {
		return out, err
	}
	wants := map[*client.Assignment]task.Spec{}
	current, size := make([]client.Held, 0, len(open)), 0
	for _, o := range open {
		current = append(current, client.Held{Task: o.Task, Attempt: o.Attempt})
		if holds(held, o.Task, o.Attempt) || len(out.Messages) >= maxMessages || size > maxPending {
			continue
		}
		m := assignment(o)
		if m.Input != nil {
			size += len(m.Input.Inline)
		}
		if o.Spec.Recall != nil {
			wants[&m] = o.Spec
		}
		out.Messages = append(out.Messages, client.Inbox{Assign: &m})
	}
	a.brief.addAll(ctx, tenant, id, wants)
	err = a.revoke(ctx, tenant, id, held, current, &out)
	return out, err
}

// revoke adds a revocation for each attempt held that is over.
func (a *API) revoke(ctx context.Context, tenant, id string, held, current []client.Held, out *client.Messages) error {
	for _, h := range held {
		if holds(current, h.Task, h.Attempt) || len(out.Messages) >= 2*maxMessages {
			continue
		}
		over, reason, err := a.over(ctx, tenant, id, h)
		if err != nil {
			return err
		}
		if over {
			out.Messages = append(out.Messages, client.Inbox{Revoke: &client.Revocation{Task: h.Task, Attempt: h.Attempt, Reason: reason}})
		}
	}
	return nil
}

// over reports whether the log says that an attempt is over. An attempt that
// is newer than what could be read is not.
func (a *API) over(ctx context.Context, tenant, id string, h client.Held) (bool, string, error) {
	records, err := a.cfg.Store.History(ctx, eventstore.Entity{Tenant: tenant, Kind: "task", ID: h.Task}, 0)
	if errors.Is(err, eventstore.ErrInvalid) {
		return true, "there is no such task", nil
	}
	if err != nil {
		return false, "", err
	}
	t := task.Task{ID: h.Task}
	for _, r := range records {
		if t, err = commands.FoldTask(t, r); err != nil {
			return false, "", nil //nolint:nilerr // a newer binary knows
		}
	}
	switch {
	case t.Attempt < h.Attempt:
		return false, "", nil
	case t.Attempt == h.Attempt && t.Status.Held() && t.Agent == id:
		return false, "", nil
	}
	return true, "the task is " + string(t.Status), nil
}

// registered reports whether the log knows the agent.
func (a *API) registered(ctx context.Context, tenant, id string) bool {
	records, err := a.cfg.Store.History(ctx, eventstore.Entity{Tenant: tenant, Kind: "agent", ID: id}, 0)
	return err == nil && len(records) > 0
}

// parseHeld reads task:attempt,task:attempt.
func parseHeld(s string) ([]client.Held, error) {
	if s == "" {
		return nil, nil
	}
	var held []client.Held
	for part := range strings.SplitSeq(s, ",") {
		id, number, _ := strings.Cut(part, ":")
		attempt, err := strconv.Atoi(number)
		if err != nil || !fullID(id) {
			return nil, domain.InvalidField("held", "%.80q is not task:attempt", part)
		}
		held = append(held, client.Held{Task: id, Attempt: attempt})
	}
	return held, nil
}

// parseWait reads a duration such as 20s.
func parseWait(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxWait {
		return 0, domain.InvalidField("wait", "%.40q is not a duration between 0s and %v", s, maxWait)
	}
	return d, nil
}
