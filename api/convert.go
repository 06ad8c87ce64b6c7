package api

import (
	"encoding/json"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// payload is p as it travels; nil for none.
func payload(p domain.Payload) *client.Payload {
	switch {
	case p.Artifact != nil:
		return &client.Payload{Artifact: &client.Artifact{Digest: p.Artifact.Digest, Size: p.Artifact.Size, MediaType: p.Artifact.MediaType}}
	case len(p.Inline) > 0:
		return &client.Payload{Inline: p.Inline}
	}
	return nil
}

// givenTime is the zero time for nil.
func givenTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func taskSpec(r client.SubmitRequest) task.Spec {
	spec := task.Spec{
		Queue: r.Queue, Capabilities: r.Capabilities, Priority: r.Priority, Labels: r.Labels,
		Input: domain.Payload{Inline: r.Input}, Deadline: givenTime(r.Deadline), NotBefore: givenTime(r.NotBefore),
		Lease: domain.Millis(r.LeaseMS),
	}
	spec.Remember = r.Remember
	if r.Recall != nil {
		spec.Recall = &task.Recall{Query: r.Recall.Query, Budget: r.Recall.Budget, Kinds: r.Recall.Kinds}
	}
	if r.Retry != nil {
		spec.Retry = task.Retry{
			MaxAttempts: r.Retry.MaxAttempts, Backoff: domain.Millis(r.Retry.BackoffMS),
			MaxBackoff: domain.Millis(r.Retry.MaxBackoffMS), Jitter: r.Retry.Jitter,
		}
	}
	return spec
}

func agentSpec(r client.RegisterRequest) agent.Spec {
	return agent.Spec{
		Name: r.Name, Capabilities: r.Capabilities, Queues: r.Queues, Capacity: r.Capacity, Version: r.Version, Labels: r.Labels,
	}
}

func externalEvent(e client.CloudEvent) commands.ExternalEvent {
	return commands.ExternalEvent{
		ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: givenTime(e.Time),
		DataContentType: e.DataContentType, Data: e.Data,
	}
}

// logPayload is an attempt's log as a JSON string.
func logPayload(text string) domain.Payload {
	if text == "" {
		return domain.Payload{}
	}
	data, err := json.Marshal(text)
	if err != nil { // a string always can be
		return domain.Payload{}
	}
	return domain.Payload{Inline: data}
}

func (a *API) receipt(r commands.Result) client.Receipt {
	return client.Receipt{ID: r.ID, Position: a.cfg.Store.Position(r.Seq), Repeat: r.Repeat}
}

// results are the outcomes of a batch; what is unforeseen goes to the log.
func (a *API) results(c caller, items []commands.ItemResult) client.BatchResult {
	out := client.BatchResult{Results: make([]client.ItemResult, len(items))}
	for i, it := range items {
		if it.Err != nil {
			out.Results[i].Error = &tell(a.cfg.Log, c.request, it.Err).Problem
			continue
		}
		out.Results[i].Receipt = a.receipt(it.Result)
	}
	return out
}

// logEvent is a record of the log as it travels.
func (a *API) logEvent(r eventstore.Record) client.Event {
	return client.Event{
		Position: a.cfg.Store.Position(r.Seq), Seq: r.Seq, ID: r.ID, Tenant: r.Entity.Tenant, Kind: r.Entity.Kind,
		Entity: r.Entity.ID, Type: r.Type, Schema: r.Schema, Source: r.Source, Time: r.Time, Actor: r.Actor,
		Command: r.Command, Correlation: r.Correlation, Causation: r.Causation, TraceParent: r.TraceParent, Data: r.Data,
	}
}
