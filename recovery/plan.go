package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

// Target says up to where a log is to be restored; the zero one is the end of
// its archive.
type Target struct {
	Seq       uint64    // the last event wanted; 0: not limited
	Time      time.Time // no event that was stored later; zero: not limited
	AllowLoss bool      // where the archive is damaged, what is intact before is enough
}

// Plan is what a restore will do.
type Plan struct {
	Log      string    // that is restored
	First    uint64    // sequence of its first event; 0 for none
	Last     uint64    // and of the last that is restored
	LastAt   time.Time // when that was stored
	Events   uint64
	Bytes    uint64 // of these events
	Archived uint64 // the last sequence that the archive says it holds
	// Dropped is how many archived events are left out: those after the target.
	Dropped uint64
	Damage  *archive.DamageError // what is wrong after Last; nil unless AllowLoss

	seals []archive.Seal
}

// Make reads the archive of a log up to the target, checks all of it, and says
// what a restore would do. The end is moved back to the end of a decision, so
// that none is restored in part. Damage before the target is its error, unless
// the target allows for loss. Progress, which may be nil, is called after each
// segment.
func Make(ctx context.Context, l *archive.Log, to Target, progress func(archive.Seal)) (Plan, error) {
	p := Plan{Log: l.ID(), Archived: l.End().Last}
	if to.Seq > p.Archived && l.Damage == nil {
		return p, domain.InvalidField("to-seq", "%d is beyond the archive, which ends at %d", to.Seq, p.Archived)
	}
	var wanted []archive.Seal
	for _, s := range l.Seals {
		if to.before(s) {
			p.Dropped += s.Events
		} else {
			wanted = append(wanted, s)
		}
	}
	for part, err := range l.Segments(ctx, wanted) {
		if errors.As(err, &p.Damage) {
			break
		}
		if err != nil {
			return p, err
		}
		p.take(part, to)
		if progress != nil {
			progress(part.Seal)
		}
	}
	if p.Damage == nil && l.Damage != nil && p.Dropped == 0 {
		p.Damage = l.Damage
	}
	if p.Damage != nil && !to.AllowLoss {
		return p, fmt.Errorf("%w; up to there it can be restored: --allow-loss", p.Damage)
	}
	return p, nil
}

// before reports whether the target lies before all of a segment.
func (to Target) before(s archive.Seal) bool {
	return to.Seq != 0 && s.First > to.Seq || !to.Time.IsZero() && s.FirstAt.After(to.Time)
}

// take adds the events of a segment that are within the target.
func (p *Plan) take(part archive.Part, to Target) {
	events := part.Events
	n := within(events, to)
	p.Dropped += uint64(len(events) - n) //nolint:gosec // n is never more
	if n == 0 {
		return
	}
	if p.First == 0 {
		p.First = events[0].Seq
	}
	p.Last, p.LastAt = events[n-1].Seq, events[n-1].At
	for _, e := range events[:n] {
		p.Bytes += uint64(e.Bytes()) //nolint:gosec // a size
	}
	p.Events += uint64(n)
	p.seals = append(p.seals, part.Seal)
}

// within returns how many events are up to the target, whole decisions only. A
// segment begins and ends with a decision.
func within(events []eventstore.Stored, to Target) int {
	n := 0
	for i, e := range events {
		if to.Seq != 0 && e.Seq > to.Seq || !to.Time.IsZero() && e.At.After(to.Time) {
			return n
		}
		if r, err := e.Record(); err != nil || r.EndsDecision() { // what is no event stands alone
			n = i + 1
		}
	}
	return len(events)
}
