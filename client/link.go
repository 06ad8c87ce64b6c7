package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// pollWait is how long a poll for messages stays open.
const pollWait = 20 * time.Second

// link is one way to the mesh: NATS or HTTP.
type link struct {
	ctx         context.Context // ends when the link is closed
	agent       string
	heartbeat   time.Duration
	polls       bool           // fetch is a long poll, and itself a sign of life
	messages    chan *nats.Msg // pushed to the agent; nil when it polls
	reconnected chan struct{}
	lost        chan error // the link is of no more use: register again
	warn        func(what string, err error)

	beat   func(held []Held) error
	fetch  func(ctx context.Context, held []Held) ([]Inbox, error)
	report func(ctx context.Context, verb string, r AttemptReport) error
	leave  func(ctx context.Context) error
	close  func()
}

// pause returns the time to the next heartbeat.
func (l *link) pause() time.Duration { return jitter(l.heartbeat) }

func (r *runner) open(reg Registration) (*link, error) {
	l := &link{
		agent: reg.ID, heartbeat: time.Duration(reg.HeartbeatMS) * time.Millisecond,
		reconnected: make(chan struct{}, 1), lost: make(chan error, 1), warn: r.warn,
	}
	if l.heartbeat <= 0 {
		l.heartbeat = 5 * time.Second
	}
	var cancel context.CancelFunc
	l.ctx, cancel = context.WithCancel(r.base)
	l.close = cancel
	if r.cfg.OverHTTP || reg.NATS == nil || len(reg.NATS.URLs) == 0 {
		r.c.linkHTTP(l)
		return l, nil
	}
	if err := r.c.linkNATS(l, reg, r.cfg.Register.Capacity); err != nil {
		cancel()
		return nil, err
	}
	return l, nil
}

// linkHTTP makes l work by long polls and HTTP requests.
func (c *Client) linkHTTP(l *link) {
	l.polls = true
	l.beat = func([]Held) error { return nil } // the mesh takes an open poll for a sign of life
	l.fetch = func(ctx context.Context, held []Held) ([]Inbox, error) {
		q := url.Values{"wait": {pollWait.String()}}
		if len(held) > 0 {
			q.Set("held", formatHeld(held))
		}
		var out Messages
		err := c.do(ctx, call{
			method: http.MethodGet, path: "/v1/agents/" + url.PathEscape(l.agent) + "/assignments",
			query: q, wait: pollWait, out: &out,
		})
		return out.Messages, err
	}
	l.report = c.reportHTTP
	l.leave = func(ctx context.Context) error {
		_, err := c.LeaveAgent(ctx, l.agent)
		return err
	}
}

// reportHTTP sends a report about an attempt.
func (c *Client) reportHTTP(ctx context.Context, verb string, r AttemptReport) error {
	return c.do(ctx, call{method: http.MethodPost, path: "/v1/tasks/" + url.PathEscape(r.Task) + "/" + verb, body: r})
}

// formatHeld writes attempts as a query value: task:attempt,task:attempt.
func formatHeld(held []Held) string {
	parts := make([]string, len(held))
	for i, h := range held {
		parts[i] = h.Task + ":" + strconv.Itoa(h.Attempt)
	}
	return strings.Join(parts, ",")
}

// decodeInbox returns an empty message for one that is not understood, which
// a newer mesh may send.
func decodeInbox(m *nats.Msg) Inbox {
	var in Inbox
	if json.Unmarshal(m.Data, &in) != nil {
		return Inbox{}
	}
	return in
}
