package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/workers"
)

const (
	natsSlots   = 1024             // requests at once; the next ones wait
	natsTimeout = 30 * time.Second // of one request
)

// serveNATS answers requests and listens to heartbeats until ctx ends; then it
// takes no more and finishes those it has.
func (a *API) serveNATS(ctx context.Context) error {
	slots := make(chan struct{}, natsSlots)
	var running sync.WaitGroup
	base := context.WithoutCancel(ctx)
	requests, err := a.cfg.NATS.QueueSubscribe(client.AllCommands, client.QueueGroup, func(m *nats.Msg) {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			a.serveRequest(base, m)
		})
	})
	if err != nil {
		return fmt.Errorf("listen to requests: %w", err)
	}
	beats, err := a.cfg.NATS.Subscribe(client.AllHeartbeats, a.hearBeat)
	if err != nil {
		return fmt.Errorf("listen to heartbeats: %w", err)
	}
	<-ctx.Done()
	drained := make(chan struct{})
	requests.SetClosedHandler(func(string) { close(drained) })
	if requests.Drain() == nil {
		select {
		case <-drained:
		case <-time.After(natsTimeout):
		}
	}
	running.Wait()
	_ = beats.Unsubscribe() // the connection may be gone
	return nil
}

// serveRequest carries out one request and answers it.
func (a *API) serveRequest(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	began, request := time.Now(), uuid.NewString()
	tenant, principal, verb, _ := client.SplitCommand(m.Subject)
	if !a.mayAnswer(m.Reply, tenant, principal) {
		a.cfg.Log.Warn().Str("principal", principal).Msg("a request that wants its answer elsewhere than in its own inbox is not served")
		return
	}
	res, err := a.runRequest(ctx, m, identity.Ref{Tenant: tenant, ID: principal}, verb, request)
	reply := nats.NewMsg(m.Reply)
	if err == nil {
		reply.Data, err = json.Marshal(res)
	}
	if err == nil && int64(len(reply.Data)) > a.cfg.NATS.MaxPayload() {
		err = &domain.Error{Kind: domain.TooLarge, Code: "too_large", Message: "the answer is too large for NATS; ask over HTTP"}
	}
	outcome := "ok"
	if err != nil {
		p := tell(a.cfg.Log, request, err)
		outcome = strconv.Itoa(p.Status)
		reply.Header.Set(client.HeaderError, outcome)
		reply.Header.Set(client.HeaderRequest, request)
		reply.Data, _ = json.Marshal(p)
	}
	a.metrics.natsRequest(verb, a.commands, outcome, time.Since(began))
	if m.Reply != "" {
		_ = a.cfg.NATS.PublishMsg(reply) // whoever asked repeats it
	}
}

// runRequest checks the credential and runs the command; a panic becomes an error.
func (a *API) runRequest(ctx context.Context, m *nats.Msg, from identity.Ref, verb, request string) (res any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	actor, err := a.requester(ctx, m, from)
	if err != nil {
		return nil, err
	}
	if err := a.guard.admitted(actor, nil); err != nil {
		return nil, err
	}
	c, ok := a.commands[verb]
	if !ok {
		return nil, &domain.Error{Kind: domain.NotFound, Code: "no_such_command", Message: fmt.Sprintf("there is no command %.64q", verb)}
	}
	return c.nats(ctx, newCaller(actor, request, m.Header.Get), m.Data)
}

// mayAnswer reports whether an answer may go where a request wants it. The
// server does not check that, and the mesh may write everywhere: to the log as
// well as to the inboxes of others.
func (a *API) mayAnswer(reply, tenant, principal string) bool {
	if a.cfg.Vouched {
		return reply == "" || natsauth.OwnReply(tenant, principal, reply)
	}
	return reply == "" || strings.HasPrefix(reply, "_INBOX.")
}

// requester returns who sent a request: whose subject it came on, where the
// server lets nobody else write there, else the bearer of its credential.
func (a *API) requester(ctx context.Context, m *nats.Msg, from identity.Ref) (domain.Actor, error) {
	if a.cfg.Vouched {
		return a.known(ctx, func() (domain.Actor, error) { return a.cfg.Auth.Vouched(from) })
	}
	actor, err := a.authenticate(ctx, m.Header.Get(client.HeaderToken), netip.Addr{})
	if err != nil {
		return actor, err
	}
	if actor.Tenant != from.Tenant || actor.ID != from.ID {
		return actor, &domain.Error{Kind: domain.Denied, Code: "other_principal", Message: "the credential belongs to another principal than the subject"}
	}
	return actor, nil
}

// hearBeat passes a heartbeat on to this node's coordinator.
func (a *API) hearBeat(m *nats.Msg) {
	tenant, principal, ok := client.SplitHeartbeat(m.Subject)
	var beat client.Heartbeat
	if !ok || json.Unmarshal(m.Data, &beat) != nil || !a.mayBeat(tenant, principal, beat.Agent) {
		return
	}
	held := make([]workers.Held, len(beat.Held))
	for i, h := range beat.Held {
		held[i] = workers.Held{Task: h.Task, Attempt: h.Attempt}
	}
	a.cfg.Coordinator.Heartbeat(tenant, beat.Agent, held)
}

// mayBeat reports whether a principal may give an agent's signs of life. Where
// the server does not know whose connection it is, that is not known either.
func (a *API) mayBeat(tenant, principal, agent string) bool {
	if !a.cfg.Vouched || principal == agent || principal == commands.SystemActor {
		return true
	}
	by, err := a.cfg.Auth.Vouched(identity.Ref{Tenant: tenant, ID: principal})
	return err == nil && a.cfg.Commands.Decide(by, "agent.register", a.cfg.Commands.AboutAgent(context.Background(), by, agent)).Allowed
}

// beat tells every node of an agent that was heard over HTTP.
func (a *API) beat(tenant, agent string, held []client.Held) error {
	data, err := json.Marshal(client.Heartbeat{Agent: agent, Held: held})
	if err == nil {
		err = a.cfg.NATS.Publish(client.HeartbeatSubject(tenant, commands.SystemActor), data)
	}
	if err != nil {
		return natsUnavailable(err)
	}
	return nil
}

func natsUnavailable(cause error) error {
	return &domain.Error{Kind: domain.Unavailable, Code: "nats_unavailable", Message: "NATS is not reachable", Err: cause}
}
