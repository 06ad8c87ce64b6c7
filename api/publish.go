package api

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
)

// The media types of CloudEvents in structured mode.
const (
	mediaEvent = "application/cloudevents+json"
	mediaBatch = "application/cloudevents-batch+json"
)

type publishInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/cloudevents+json"`
}

// publishRoute takes CloudEvents: one, or a batch.
func (a *API) publishRoute(h huma.API) {
	op := commandOperation("/v1/events", "publish-events", "Publish external facts (CloudEvents 1.0, structured mode)")
	op.MaxBodyBytes = maxBatch
	huma.Register(h, op, func(ctx context.Context, in *publishInput) (*output[client.BatchResult], error) {
		return answer(ctx, a, func(c caller) (client.BatchResult, error) {
			return a.publishBody(ctx, c, in.ContentType, in.RawBody)
		})
	})
	h.OpenAPI().Paths["/v1/events"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		mediaEvent: {Schema: a.schemas.Schema(reflect.TypeFor[client.CloudEvent](), true, "")},
		mediaBatch: {Schema: a.schemas.Schema(reflect.TypeFor[[]client.CloudEvent](), true, "")},
	}}
}

// publishBody reads one event or many, by the media type. A single event that
// is refused is the answer itself; of a batch each item has its own.
func (a *API) publishBody(ctx context.Context, c caller, contentType string, body []byte) (client.BatchResult, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && media == mediaBatch:
		events, err := a.readEvents(body)
		if err != nil {
			return client.BatchResult{}, err
		}
		items, err := a.publish(ctx, c, events)
		return a.results(c, items), err
	case err == nil && media == mediaEvent:
		event, err := a.readEvent(body)
		if err != nil {
			return client.BatchResult{}, err
		}
		items, err := a.publish(ctx, c, []client.CloudEvent{event})
		if err == nil {
			err = items[0].Err
		}
		return a.results(c, items), err
	}
	return client.BatchResult{}, newProblem(http.StatusUnsupportedMediaType, "media_type", "", "want "+mediaEvent+" or "+mediaBatch)
}

func (a *API) publish(ctx context.Context, c caller, events []client.CloudEvent) ([]commands.ItemResult, error) {
	if len(events) > commands.MaxBatch {
		return nil, domain.InvalidField("", "%d events given, at most %d allowed", len(events), commands.MaxBatch)
	}
	facts := make([]commands.ExternalEvent, len(events))
	for i, e := range events {
		if e.SpecVersion != "1.0" {
			return nil, domain.InvalidField("specversion", "%.20q is not supported; 1.0 is", e.SpecVersion)
		}
		facts[i] = externalEvent(e)
	}
	return a.cfg.Commands.PublishEvents(ctx, c.actor, c.meta(), facts), nil
}

// publishNATS takes a batch: a JSON array of CloudEvents.
func (a *API) publishNATS(ctx context.Context, c caller, body []byte) (any, error) {
	return a.publishBody(ctx, c, mediaBatch, json.RawMessage(body))
}
