package workers

import (
	"fmt"
	"time"
)

// horizon is the longest time after which a task is looked at again, so that
// a step of the clock is noticed.
const horizon = time.Minute

// review puts a task where it belongs now, in the queue and among the timers,
// and says what is due. An effect that is due stays due until the log shows
// it: who carries it out sets a flight, who does not calls postpone.
func (f *fleet) review(w *work, now time.Time) (effect, string) {
	if fl := w.flight; fl != nil && !fl.until.IsZero() && !now.Before(fl.until) {
		f.land(w)
	}
	t := w.state()
	idle := w.readOnly != "" || w.loading > 0 || w.flight != nil
	if idle || t.Status.Held() || now.Before(t.NotBefore) {
		f.match.dequeue(w)
	}
	switch {
	case w.flight != nil && !w.flight.until.IsZero():
		f.postpone(w, w.flight.until)
		return nothing, ""
	case idle:
		f.timers.remove(w)
		return nothing, ""
	case !t.Spec.Deadline.IsZero() && !now.Before(t.Spec.Deadline):
		f.match.dequeue(w)
		return exceed, ""
	}
	next := now.Add(horizon)
	due, why := nothing, ""
	switch {
	case t.Status.Held():
		due, why, next = f.reviewAttempt(w, now)
	case now.Before(t.NotBefore):
		next = now.Add(min(horizon, t.NotBefore.Sub(now)))
	default:
		f.match.enqueue(w)
	}
	if due == nothing {
		if d := t.Spec.Deadline; !d.IsZero() && d.Sub(now) < next.Sub(now) {
			next = now.Add(d.Sub(now))
		}
		f.postpone(w, next)
	}
	return due, why
}

func (f *fleet) reviewAttempt(w *work, now time.Time) (due effect, why string, next time.Time) {
	t := w.state()
	if w.slot != nil {
		if gone := w.slot.gone(); gone != "" {
			return expire, gone, now
		}
	}
	end := f.leaseEnd(w)
	if !now.Before(end) {
		return expire, fmt.Sprintf("no sign of life for %s", t.Spec.Lease.Duration()), now
	}
	next = now.Add(min(horizon, end.Sub(now)))
	if w.unheard() {
		if !now.Before(w.hintAt) {
			return rehint, "", now
		}
		if w.hintAt.Before(next) {
			next = w.hintAt
		}
	}
	return nothing, "", next
}

// leaseEnd is when the current attempt expires if no sign of life comes. All
// its times are of this node's clock.
func (f *fleet) leaseEnd(w *work) time.Time {
	from := w.sign
	if from.Before(f.ledSince) {
		from = f.ledSince
	}
	return from.Add(w.state().Spec.Lease.Duration())
}

// postpone has the task looked at again at that time.
func (f *fleet) postpone(w *work, at time.Time) {
	w.due = at
	f.timers.set(w)
}

// pop returns a task that it is time to look at, or nil.
func (f *fleet) pop(now time.Time) *work {
	w := f.timers.top()
	if w == nil || now.Before(w.due) {
		return nil
	}
	f.timers.remove(w)
	return w
}
