package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"
)

// maxDecision is more events than a decision may have.
const maxDecision = 2_000

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
		var r Record
		r, err = s.Get(ctx, first+uint64(i))                           //nolint:gosec // from 0
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) { // a gap, or what is no event: the next ones decide
			err = nil
			return false
		}
		return r.Time.After(at)
	})
	if err != nil {
		return 0, fmt.Errorf("find the event of a time: %w", err)
	}
	return first + uint64(n) - 1, nil //nolint:gosec // from 0
}

// EndOfDecision returns the sequence of the last event of the decision that
// the event seq belongs to: a reader sees all of a decision or nothing. The
// error wraps ErrNotFound where the log ends before, or ErrUnavailable.
func (s *Store) EndOfDecision(ctx context.Context, seq uint64) (uint64, error) {
	for end := seq; end < seq+maxDecision; end++ {
		r, err := s.Get(ctx, end)
		if errors.Is(err, ErrInvalid) {
			return end, nil // no event of ours: it stands alone
		}
		if err != nil {
			return 0, err
		}
		if r.EndsDecision() {
			return end, nil
		}
	}
	return 0, fmt.Errorf("%w: the decision of event %d has no end", ErrInvalid, seq)
}
