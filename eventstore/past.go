package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"
)

// SeqAt returns the sequence of the last event that was stored at or before a
// time, by the clock of the node that wrote it; 0 when there is none. The error
// wraps ErrUnavailable.
func (s *Store) SeqAt(ctx context.Context, at time.Time) (uint64, error) {
	info, err := s.info(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the event of a time: %w", err)
	}
	first, last := info.State.FirstSeq, info.State.LastSeq
	if last < first || last == 0 {
		return 0, nil
	}
	n := sort.Search(int(last-first+1), func(i int) bool { //nolint:gosec // a log of events
		if err != nil {
			return true
		}
		var after bool
		after, err = s.storedAfter(ctx, first+uint64(i), last, at) //nolint:gosec // from 0
		return after
	})
	if err != nil {
		return 0, fmt.Errorf("find the event of a time: %w", err)
	}
	return first + uint64(n) - 1, nil //nolint:gosec // from 0
}

// storedAfter reports whether the first event from seq on, up to last, is later
// than a time; where there is none, it counts as later.
func (s *Store) storedAfter(ctx context.Context, seq, last uint64, at time.Time) (bool, error) {
	for ; seq <= last; seq++ {
		r, err := s.Get(ctx, seq)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) { // a gap, or what is no event of ours
			continue
		}
		return err == nil && r.Time.After(at), err
	}
	return true, nil
}

// EndOfDecision returns the sequence of the last event of the decision that
// the event seq belongs to: a reader sees all of a decision or nothing. What is
// no event stands alone. The error wraps ErrNotFound where the log has none, or
// ErrUnavailable.
func (s *Store) EndOfDecision(ctx context.Context, seq uint64) (uint64, error) {
	r, err := s.Get(ctx, seq)
	if errors.Is(err, ErrInvalid) {
		return seq, nil
	}
	if err != nil {
		return 0, err
	}
	return seq + uint64(max(0, r.Count-r.Index)), nil //nolint:gosec // few
}
