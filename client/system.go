package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Agents lists agents.
func (c *Client) Agents(ctx context.Context, o ListOptions) (Page[Agent], error) {
	return get[Page[Agent]](ctx, c, "/v1/agents", o.query())
}

// Agent returns an agent by its id, name or a prefix of its id.
func (c *Client) Agent(ctx context.Context, id, after string) (Agent, error) {
	return get[Agent](ctx, c, "/v1/agents/"+url.PathEscape(id), afterQuery(after))
}

// Register makes an agent known, or brings a known one back. RunAgent does it
// by itself.
func (c *Client) Register(ctx context.Context, r RegisterRequest) (Registration, error) {
	var out Registration
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/agents", body: r, repeat: true, out: &out})
	return out, err
}

// DrainAgent stops new work for an agent; it finishes what it has.
func (c *Client) DrainAgent(ctx context.Context, id, reason string) (Receipt, error) {
	return c.command(ctx, "/v1/agents/"+url.PathEscape(id)+"/drain", AgentRequest{Reason: reason})
}

// ResumeAgent ends draining.
func (c *Client) ResumeAgent(ctx context.Context, id string) (Receipt, error) {
	return c.command(ctx, "/v1/agents/"+url.PathEscape(id)+"/resume", AgentRequest{})
}

// LeaveAgent says an agent's goodbye for it.
func (c *Client) LeaveAgent(ctx context.Context, id string) (Receipt, error) {
	return c.command(ctx, "/v1/agents/"+url.PathEscape(id)+"/leave", AgentRequest{})
}

// Counts sums up the tasks.
func (c *Client) Counts(ctx context.Context, after string) (Counts, error) {
	return get[Counts](ctx, c, "/v1/counts", afterQuery(after))
}

// Projections tells the state of each read model.
func (c *Client) Projections(ctx context.Context) ([]Projection, error) {
	page, err := get[Page[Projection]](ctx, c, "/v1/projections", nil)
	return page.Items, err
}

// Parked lists the events that a projection could not apply, and those behind them.
func (c *Client) Parked(ctx context.Context, name string, o ListOptions) (Page[Parked], error) {
	return get[Page[Parked]](ctx, c, "/v1/projections/"+url.PathEscape(name)+"/parked", o.query())
}

// RetryParked asks for the parked events of key to be applied again.
func (c *Client) RetryParked(ctx context.Context, name, key string) (Receipt, error) {
	return c.command(ctx, "/v1/projections/"+url.PathEscape(name)+"/retry", ParkedRequest{Key: key})
}

// SkipParked asks for one parked event to be left out for good.
func (c *Client) SkipParked(ctx context.Context, name, key string, seq uint64, reason string) (Receipt, error) {
	return c.command(ctx, "/v1/projections/"+url.PathEscape(name)+"/skip", ParkedRequest{Key: key, Seq: seq, Reason: reason})
}

// Rebuild asks for a read model to be built anew beside the live one.
func (c *Client) Rebuild(ctx context.Context, name string) (Receipt, error) {
	return c.command(ctx, "/v1/projections/"+url.PathEscape(name)+"/rebuild", struct{}{})
}

// Verify compares a read model with a rebuilt one. It takes as long as a rebuild.
func (c *Client) Verify(ctx context.Context, name string) (Verification, error) {
	var out Verification
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/projections/" + url.PathEscape(name) + "/verify", wait: 24 * time.Hour, out: &out})
	return out, err
}

// Ready tells whether the mesh is ready. Not being ready is no error.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	var out Readiness
	answered := func(status int) bool { return status == http.StatusOK || status == http.StatusServiceUnavailable }
	err := c.do(ctx, call{method: http.MethodGet, path: "/readyz", accept: answered, out: &out})
	return out, err
}

// Version tells what runs at the other end.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return get[Version](ctx, c, "/v1/version", nil)
}

// Artifact returns the bytes of an artifact.
func (c *Client) Artifact(ctx context.Context, digest string) ([]byte, error) {
	var out []byte
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/artifacts/" + url.PathEscape(digest), repeat: true, out: &out})
	return out, err
}

// Payload returns the JSON of p, wherever it is kept; nil for none.
func (c *Client) Payload(ctx context.Context, p *Payload) (json.RawMessage, error) {
	if p == nil || p.Artifact == nil {
		if p == nil {
			return nil, nil
		}
		return p.Inline, nil
	}
	return c.Artifact(ctx, p.Artifact.Digest)
}

// Events lists the log's index, newest first, without the events' data.
func (c *Client) Events(ctx context.Context, o ListOptions) (Page[Event], error) {
	return get[Page[Event]](ctx, c, "/v1/events", o.query())
}

// Event returns one event with its data.
func (c *Client) Event(ctx context.Context, seq uint64) (Event, error) {
	return get[Event](ctx, c, "/v1/events/"+strconv.FormatUint(seq, 10), nil)
}

// Publish stores external facts. An event with the same source and id as an
// earlier one is that one. Each is accepted or refused on its own.
func (c *Client) Publish(ctx context.Context, events ...CloudEvent) ([]ItemResult, error) {
	batch := make([]CloudEvent, len(events))
	for i, e := range events {
		if e.SpecVersion == "" {
			e.SpecVersion = "1.0"
		}
		batch[i] = e
	}
	var out BatchResult
	err := c.do(ctx, call{
		method: http.MethodPost, path: "/v1/events", media: "application/cloudevents-batch+json",
		body: batch, repeat: true, out: &out,
	})
	return out.Results, err
}
