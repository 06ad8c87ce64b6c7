package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/workers"
)

// Inbox publishes messages to agents.
type Inbox struct {
	nc    *nats.Conn
	brief *Briefing
	log   zerolog.Logger
}

// NewInbox returns an Inbox that publishes on nc, and gets from brief what
// tasks want told from memory.
func NewInbox(nc *nats.Conn, brief *Briefing, log zerolog.Logger) *Inbox {
	return &Inbox{nc: nc, brief: brief, log: log}
}

// Send publishes m to the agent's inbox. It does not block, and a message that
// does not arrive is not repeated here: the leader tells of it again.
func (i *Inbox) Send(tenant, agent string, m workers.Message) {
	i.publish(tenant, agent, inboxMessage(m))
}

// SendBriefed publishes an assignment with what its task wants told from memory.
func (i *Inbox) SendBriefed(ctx context.Context, tenant, agent string, a workers.Assignment) {
	out := assignment(a)
	i.brief.add(ctx, tenant, agent, a.Spec, &out)
	i.publish(tenant, agent, client.Inbox{Assign: &out})
}

func (i *Inbox) publish(tenant, agent string, m client.Inbox) {
	data, err := json.Marshal(m)
	if err == nil {
		err = i.nc.Publish(client.InboxSubject(tenant, agent), data)
	}
	if err != nil {
		i.log.Warn().Err(err).Str("agent", agent).Msg("message to agent not sent")
	}
}

// inboxMessage is m as it travels.
func inboxMessage(m workers.Message) client.Inbox {
	var out client.Inbox
	if m.Assign != nil {
		a := assignment(*m.Assign)
		out.Assign = &a
	}
	if m.Revoke != nil {
		out.Revoke = &client.Revocation{Task: m.Revoke.Task, Attempt: m.Revoke.Attempt, Reason: m.Revoke.Reason}
	}
	return out
}

func assignment(a workers.Assignment) client.Assignment {
	return client.Assignment{
		Task: a.Task, Attempt: a.Attempt, Term: a.Term, Queue: a.Spec.Queue, Capabilities: a.Spec.Capabilities,
		LeaseMS: int64(a.Spec.Lease), Deadline: optionalTime(a.Spec.Deadline), SubmittedAt: a.SubmittedAt,
		Labels: a.Spec.Labels, Input: payload(a.Spec.Input),
	}
}

// optionalTime is nil for the zero time.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
