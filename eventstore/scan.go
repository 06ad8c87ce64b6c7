package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Scan returns the events with sequences from first to last, in order, as the
// server holds them. What the server cannot read, as in a damaged file, is left
// out like what is not there; so an event may be left out that FindStored
// returns, but none is returned that is not there. Unlike Tail it never waits
// for what is to come. The error wraps ErrUnavailable.
func (s *Store) Scan(ctx context.Context, first, last uint64) ([]Stored, error) {
	var all []Stored
	for next := max(first, 1); next <= last; {
		batch := int(min(directBatch, last-next+1)) //nolint:gosec // at most directBatch
		var malformed error
		answers := 0
		seen := next + uint64(batch) - 1 //nolint:gosec // positive
		_, err := s.direct(ctx, getRequest{Seq: next, Batch: batch, MaxBytes: directBytes}, func(m *nats.Msg) {
			e, err := directStored(m)
			malformed = errors.Join(malformed, err)
			if err != nil {
				return
			}
			if answers++; answers == 1 || e.Seq > seen {
				seen = e.Seq // past a hole; or not as far as asked for
			}
			if e.Seq <= last {
				all = append(all, e)
			}
		})
		if err := errors.Join(err, malformed); err != nil {
			return nil, err
		}
		next = seen + 1
	}
	return all, nil
}

// FindStored returns one event as the log's leader holds it. The error wraps
// ErrNotFound when it is not there or its file is damaged, and ErrUnavailable
// when the server does not answer.
func (s *Store) FindStored(ctx context.Context, seq uint64) (Stored, error) {
	reply, header, err := s.leaderMessage(ctx, getRequest{Seq: seq})
	if err != nil {
		return Stored{}, err
	}
	m := reply.Message
	return Stored{Seq: m.Seq, Subject: m.Subject, Header: wireHeader(header), Data: m.Data, At: m.Time}, nil
}

// directStored takes what the server adds to an answer away from the event.
func directStored(m *nats.Msg) (Stored, error) {
	e := Stored{Subject: first(m.Header, "Nats-Subject"), Data: m.Data}
	var err error
	if e.Seq, err = strconv.ParseUint(first(m.Header, "Nats-Sequence"), 10, 64); err != nil {
		return e, fmt.Errorf("direct get without a sequence: %w", ErrUnavailable)
	}
	if e.At, err = time.Parse(time.RFC3339Nano, first(m.Header, "Nats-Time-Stamp")); err != nil {
		return e, fmt.Errorf("direct get of event %d without its time: %w", e.Seq, ErrUnavailable)
	}
	for _, added := range []string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence"} {
		delete(m.Header, added)
	}
	e.Header = wireHeader(m.Header)
	return e, nil
}
