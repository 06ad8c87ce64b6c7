package eventstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Get returns the event at a sequence. The error wraps ErrNotFound where the
// log has none, ErrInvalid for a message that is no event (see DecodeRecord),
// or ErrUnavailable.
func (s *Store) Get(ctx context.Context, seq uint64) (Record, error) {
	r, err := s.leader(ctx, getRequest{Seq: seq})
	if err != nil {
		return r, fmt.Errorf("get event %d: %w", seq, err)
	}
	return r, nil
}

// LastOf returns the sequence of the last event of any entity of a kind, as the
// leader knows it; 0 for none. The error wraps ErrUnavailable.
func (s *Store) LastOf(ctx context.Context, kind string) (uint64, error) {
	return s.leaderLast(ctx, kindSubjects(kind))
}

// History returns the entity's events after a sequence, in order. Any replica
// may answer, so the newest events may be missing: a decision made on that is
// refused as a conflict. The error wraps ErrInvalid for a malformed entity or a
// foreign message on its subject, else ErrUnavailable.
func (s *Store) History(ctx context.Context, e Entity, after uint64) ([]Record, error) {
	subject, err := e.Subject()
	if err != nil {
		return nil, err
	}
	records, err := s.history(ctx, subject, after)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", e, err)
	}
	return records, nil
}

func (s *Store) history(ctx context.Context, subject string, after uint64) ([]Record, error) {
	var records []Record
	for {
		var failed error
		end, err := s.direct(ctx, getRequest{Seq: after + 1, NextFor: subject, Batch: directBatch, MaxBytes: directBytes}, func(m *nats.Msg) {
			r, err := s.directRecord(m)
			if err != nil && failed == nil {
				failed = err
			}
			records = append(records, r)
		})
		if err = errors.Join(err, failed); err != nil {
			return nil, err
		}
		if end.pending == 0 || len(records) == 0 || records[len(records)-1].Seq <= after {
			return records, nil
		}
		after = records[len(records)-1].Seq
	}
}

// historyTo is history that reaches at least upTo, an event that is known to
// exist on the subject: what a replica lacks is read from the leader.
func (s *Store) historyTo(ctx context.Context, subject string, after, upTo uint64) ([]Record, error) {
	records, err := s.history(ctx, subject, after)
	if err != nil {
		return nil, err
	}
	if n := len(records); n > 0 {
		after = records[n-1].Seq
	}
	for after < upTo {
		r, err := s.leader(ctx, getRequest{Seq: after + 1, NextFor: subject})
		if err != nil {
			return nil, err
		}
		records, after = append(records, r), r.Seq
	}
	return records, nil
}
