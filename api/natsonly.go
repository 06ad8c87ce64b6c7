package api

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/eventstore"
)

// natsOnly lists what NATS has as a request and HTTP as something else.
func (a *API) natsOnly() []command {
	return []command{
		{verb: "event.publish", nats: a.publishNATS},
		{verb: "task.why", nats: request(a, func(ctx context.Context, c caller, r client.TaskRequest) (client.Why, error) {
			if err := a.allow(c, "task.read", "task.read_own"); err != nil {
				return client.Why{}, err
			}
			return a.why(ctx, c, r.ID)
		})},
		{verb: "agent.open", nats: request(a, a.openFor)},
		{verb: "artifact.get", nats: request(a, func(ctx context.Context, c caller, r client.ArtifactRequest) (json.RawMessage, error) {
			if err := a.allow(c, "artifact.read"); err != nil {
				return nil, err
			}
			return a.artifact(ctx, c, r.Digest)
		})},
	}
}

// request makes a NATS handler of a function that takes a decoded body.
func request[Req, Res any](a *API, do func(context.Context, caller, Req) (Res, error)) func(context.Context, caller, []byte) (any, error) {
	decode := decoder[Req](a.schemas)
	return func(ctx context.Context, c caller, body []byte) (any, error) {
		req, err := decode(body)
		if err != nil {
			return nil, err
		}
		return do(ctx, c, req)
	}
}

// openFor answers an agent that asks what it should be working on.
func (a *API) openFor(ctx context.Context, c caller, b client.Heartbeat) (client.Messages, error) {
	id, err := a.agentID(ctx, c, b.Agent)
	if err != nil {
		return client.Messages{}, err
	}
	if err := a.asAgent(ctx, c, id); err != nil {
		return client.Messages{}, err
	}
	if err := a.beat(c.actor.Tenant, id, b.Held); err != nil {
		return client.Messages{}, err
	}
	return a.pending(ctx, c.actor.Tenant, id, b.Held)
}

// artifact returns the bytes of an artifact of the caller's tenant.
func (a *API) artifact(ctx context.Context, c caller, digest string) ([]byte, error) {
	data, err := a.cfg.Store.GetArtifact(ctx, c.actor.Tenant, digest)
	if errors.Is(err, eventstore.ErrInvalid) {
		return nil, badDigest(digest)
	}
	return data, err
}
