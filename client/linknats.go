package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	requestTimeout = 15 * time.Second // of one NATS request
	connectTimeout = 35 * time.Second // a server asks the mesh about each connection, and many may come at once
	lostAfter      = 45 * time.Second // without a connection: ask by HTTP where the mesh is now
	inboxSlack     = 16               // messages that may wait beside one an assignment
	writeBuffer    = 4 << 10          // bytes; agents are many and their messages small
)

// linkNATS makes l work over a NATS connection of its own, with at most two
// subscriptions: the inbox and the answers to requests.
func (c *Client) linkNATS(l *link, reg Registration, capacity int) error {
	silent := time.AfterFunc(time.Hour, func() { l.fail(errors.New("no connection to NATS")) })
	silent.Stop()
	stop := l.close
	nc, err := nats.Connect(strings.Join(reg.NATS.URLs, ","),
		nats.Name(AgentConnection+reg.ID),
		c.natsLogin(l, reg),
		nats.CustomInboxPrefix(InboxPrefix(reg.Tenant, reg.Principal)),
		nats.Timeout(connectTimeout),
		nats.IgnoreAuthErrorAbort(), // a mesh that has just started may not know its principals yet
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), // a request that is not sent fails at once and is repeated
		nats.WriteBufferSize(writeBuffer),
		nats.CustomReconnectDelay(func(try int) time.Duration { return backoff(100*time.Millisecond, max(1, try), 5*time.Second) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			silent.Reset(jitter(lostAfter))
			l.warn("connection to NATS lost, connecting again", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			silent.Stop()
			signal(l.reconnected)
		}),
		nats.ClosedHandler(func(nc *nats.Conn) { l.fail(nc.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.warn("NATS", err) }), // a message that is lost is told again
	)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	l.close = func() {
		stop()
		silent.Stop()
		nc.Close()
	}
	l.messages = make(chan *nats.Msg, min(capacity, 1024)+inboxSlack)
	if _, err := nc.ChanSubscribe(InboxSubject(reg.Tenant, reg.ID), l.messages); err != nil {
		l.close()
		return fmt.Errorf("listen to the inbox: %w", err)
	}
	c.speakNATS(l, nc, reg)
	return nil
}

// natsLogin is how an agent proves itself to NATS: as itself, by its
// credential of that moment, or as the user that all agents share.
func (c *Client) natsLogin(l *link, reg Registration) nats.Option {
	if reg.NATS.User != "" {
		return nats.UserInfo(reg.NATS.User, reg.NATS.Password)
	}
	return nats.TokenHandler(func() string {
		ctx, cancel := context.WithTimeout(l.ctx, requestTimeout)
		defer cancel()
		token, err := c.source(ctx)
		if err != nil {
			l.warn("no credential for NATS", err)
		}
		return token
	})
}

// fail marks the link as lost, once.
func (l *link) fail(err error) {
	if err == nil {
		err = nats.ErrConnectionClosed
	}
	select {
	case l.lost <- err:
	default:
	}
}

// speakNATS fills in what the agent says over the connection.
func (c *Client) speakNATS(l *link, nc *nats.Conn, reg Registration) {
	l.beat = func(held []Held) error {
		data, err := json.Marshal(Heartbeat{Agent: reg.ID, Held: held})
		if err != nil {
			return err
		}
		return nc.Publish(HeartbeatSubject(reg.Tenant, reg.Principal), data)
	}
	l.fetch = func(ctx context.Context, held []Held) ([]Inbox, error) {
		var out Messages
		err := c.request(ctx, nc, CommandSubject(reg.Tenant, reg.Principal, "agent.open"), Heartbeat{Agent: reg.ID, Held: held}, &out)
		return out.Messages, err
	}
	l.report = func(ctx context.Context, verb string, r AttemptReport) error {
		if size := len(r.Result) + len(r.Log); int64(size)*2 > nc.MaxPayload() {
			return c.reportHTTP(ctx, verb, r)
		}
		return c.request(ctx, nc, CommandSubject(reg.Tenant, reg.Principal, "task."+verb), r, &Receipt{})
	}
	l.leave = func(ctx context.Context) error {
		return c.request(ctx, nc, CommandSubject(reg.Tenant, reg.Principal, "agent.leave"), AgentRequest{ID: reg.ID}, &Receipt{})
	}
}

// request sends a command over NATS. It fails with *Error when the mesh
// refuses, with *UnreachableError when nobody answers, and with ctx's error
// when that ends.
func (c *Client) request(ctx context.Context, nc *nats.Conn, subject string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	m := nats.NewMsg(subject)
	m.Data = data
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if nc.Opts.User != "" { // a shared user: the server does not know whose connection this is
		token, err := c.source(limited)
		if err != nil {
			return err
		}
		m.Header.Set(HeaderToken, token)
	}
	res, err := nc.RequestMsgWithContext(limited, m)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &UnreachableError{URL: nc.ConnectedUrlRedacted(), Err: err}
	}
	if status := res.Header.Get(HeaderError); status != "" {
		e := &Error{RequestID: res.Header.Get(HeaderRequest)}
		_ = json.Unmarshal(res.Data, &e.Problem) // without it the status still tells
		e.Status, _ = strconv.Atoi(status)
		return e
	}
	if err := json.Unmarshal(res.Data, out); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// signal wakes the other end of a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
