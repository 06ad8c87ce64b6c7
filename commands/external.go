package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/external"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// ExternalEvent is a fact that a producer publishes (CloudEvents 1.0).
type ExternalEvent struct {
	ID, Source, Type, Subject string
	Time                      time.Time
	DataContentType           string
	Data                      json.RawMessage
}

// PublishEvents appends facts of producers. Each stands for itself. One that
// was published before (same source and id) is answered with the first when
// its content is the same, and refused with external.ErrIDReused when not.
func (s *Service) PublishEvents(ctx context.Context, by domain.Actor, m Meta, events []ExternalEvent) []ItemResult {
	began := s.now()
	finish := make([]func() (Result, error), len(events))
	for i, e := range events {
		finish[i] = s.publishAsync(ctx, by, m, e)
	}
	results := make([]ItemResult, len(events))
	for i := range events {
		res, err := finish[i]()
		results[i] = ItemResult{Result: res, Err: s.ended("event.publish", began, err)}
	}
	return results
}

// publishAsync starts one fact and returns what finishes it.
func (s *Service) publishAsync(ctx context.Context, by domain.Actor, m Meta, e ExternalEvent) func() (Result, error) {
	d, err := s.prepareFact(ctx, by, m, e)
	if err != nil {
		return func() (Result, error) { return Result{}, err }
	}
	type outcome struct {
		receipt eventstore.Receipt
		err     error
	}
	done := make(chan outcome, 1)
	s.store.AppendAsync(d, func(r eventstore.Receipt, err error) { done <- outcome{r, err} })
	return func() (Result, error) {
		o := <-done
		var conflict *eventstore.ConflictError
		if errors.As(o.err, &conflict) {
			return s.publishedBefore(ctx, d.Writes[0])
		}
		if o.err != nil {
			return Result{}, fmt.Errorf("publish event %s of %s: %w", e.ID, e.Source, o.err)
		}
		return Result{ID: d.Writes[0].Entity.ID, Seq: o.receipt.Last(), Repeat: o.receipt.Repeat}, nil
	}
}

func (s *Service) prepareFact(ctx context.Context, by domain.Actor, m Meta, e ExternalEvent) (eventstore.Decision, error) {
	if err := s.admit(by, "event.publish", m, aboutFact(e)); err != nil {
		return eventstore.Decision{}, err
	}
	fact := external.Fact{
		ID: e.ID, Source: e.Source, Subject: e.Subject, Time: e.Time,
		DataContentType: e.DataContentType, Data: domain.Payload{Inline: e.Data},
	}
	if err := fact.Validate(e.Type); err != nil {
		return eventstore.Decision{}, err
	}
	var err error
	if fact.Data, err = s.offload(ctx, by.Tenant, "data", fact.Data); err != nil {
		return eventstore.Decision{}, err
	}
	data, err := json.Marshal(fact)
	if err != nil {
		return eventstore.Decision{}, fmt.Errorf("encode event %s of %s: %w", e.ID, e.Source, err)
	}
	cmd := s.envelope(by, m)
	cmd.Source = e.Source
	return eventstore.Decision{Command: cmd, Writes: []eventstore.Write{{
		Entity: eventstore.Entity{Tenant: by.Tenant, Kind: kindExternal, ID: keyedID(e.Source, e.ID)},
		Events: []eventstore.NewEvent{{Type: e.Type, Schema: external.Schema, Data: data}},
	}}}, nil
}

// aboutFact is a fact as policies see it.
func aboutFact(e ExternalEvent) identity.Resource {
	return identity.Resource{Kind: kindExternal, Attributes: func() map[string]any {
		return map[string]any{"source": e.Source, "type": e.Type, "subject": e.Subject}
	}}
}

// publishedBefore answers a fact whose id its source has used.
func (s *Service) publishedBefore(ctx context.Context, w eventstore.Write) (Result, error) {
	history, err := s.store.History(ctx, w.Entity, 0)
	if err != nil {
		return Result{}, fmt.Errorf("load event %s: %w", w.Entity.ID, err)
	}
	if len(history) == 0 || history[0].Type != w.Events[0].Type || string(history[0].Data) != string(w.Events[0].Data) {
		return Result{}, external.ErrIDReused
	}
	return Result{ID: w.Entity.ID, Seq: history[0].Seq, Repeat: true}, nil
}
