package archiver

import (
	"context"
	"errors"
	"time"

	"github.com/hivemesh/hivemesh/archive"
)

// ErrNotOpen means that this node has not opened the archive: another one
// archives, or the target does not answer.
var ErrNotOpen = errors.New("this node has not opened the archive")

// errEnough ends a scrub that has used its time.
var errEnough = errors.New("enough for now")

// Slice says which part of a log Scrub compares, and how fast.
type Slice struct {
	After uint64        // events after this sequence
	Rate  int           // events a second at most
	Time  time.Duration // about; a part is always done
	Limit int           // differences that are told at most
}

// Scrubbed is what a slice of a scrub has found.
type Scrubbed struct {
	UpTo        uint64 // compared up to this sequence
	End         uint64 // of the archive
	Events      uint64 // compared, by the archive
	Found       uint64 // differences
	Differences []archive.Difference
}

// Scrub compares a slice of the log with its archive, each event in all its
// parts. It fails with ErrNotOpen, or when the log or the target cannot be
// reached.
func (a *Archiver) Scrub(ctx context.Context, s Slice) (Scrubbed, error) {
	a.mu.Lock()
	log := a.log
	a.mu.Unlock()
	if log == nil {
		return Scrubbed{}, ErrNotOpen
	}
	r := Scrubbed{UpTo: s.After, End: log.End().Last}
	began := a.cfg.Now()
	note := func(d archive.Difference) {
		if r.Found++; len(r.Differences) < s.Limit {
			r.Differences = append(r.Differences, d)
		}
	}
	err := log.Scrub(ctx, a.cfg.Store, s.After, note, func(upTo uint64, events int) error {
		r.UpTo, r.Events = upTo, r.Events+uint64(events) //nolint:gosec // a count
		if upTo < r.End && a.cfg.Now().Sub(began) >= s.Time {
			return errEnough
		}
		due := began.Add(time.Duration(float64(r.Events) / float64(s.Rate) * float64(time.Second)))
		return pause(ctx, due.Sub(a.cfg.Now()))
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return r, err
}

// pause waits, or returns the error of ctx when that ends before.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
