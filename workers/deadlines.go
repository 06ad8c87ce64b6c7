package workers

import (
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
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
	if w.flight != nil || w.readOnly != "" || w.loading > 0 {
		f.rest(w)
		return nothing, ""
	}
	deadline := w.state().Spec.Deadline
	if !deadline.IsZero() && !now.Before(deadline) {
		f.match.dequeue(w)
		return exceed, ""
	}
	due, why, wait := f.reviewStatus(w, now)
	if due != nothing {
		return due, why
	}
	if !deadline.IsZero() {
		wait = min(wait, deadline.Sub(now))
	}
	f.postpone(w, now.Add(min(wait, horizon)))
	return nothing, ""
}

// rest leaves a task alone until the log or a load brings something new, or
// its flight has taken too long.
func (f *fleet) rest(w *work) {
	f.match.dequeue(w)
	f.timers.remove(w)
	if fl := w.flight; fl != nil && !fl.until.IsZero() {
		f.postpone(w, fl.until)
	}
}

// reviewStatus says what is due by the task's status, or how long nothing is.
func (f *fleet) reviewStatus(w *work, now time.Time) (due effect, why string, wait time.Duration) {
	t := w.state()
	switch {
	case t.Status.Held():
		f.match.dequeue(w)
		return f.reviewAttempt(w, now)
	case now.Before(t.NotBefore):
		f.match.dequeue(w)
		return nothing, "", t.NotBefore.Sub(now)
	case now.Before(w.restUntil):
		f.match.dequeue(w)
		return nothing, "", w.restUntil.Sub(now)
	default:
		f.match.enqueue(w)
		return nothing, "", horizon
	}
}

func (f *fleet) reviewAttempt(w *work, now time.Time) (due effect, why string, wait time.Duration) {
	if w.slot != nil && w.slot.gone() != "" {
		if s := w.slot.loaded.State.Status; s == agent.StatusLeft || s == agent.StatusAsleep {
			return takeBack, w.slot.gone(), 0
		}
		return expire, w.slot.gone(), 0
	}
	wait = f.leaseEnd(w).Sub(now)
	if wait <= 0 {
		return expire, fmt.Sprintf("no sign of life for %s", w.state().Spec.Lease.Duration()), 0
	}
	if w.unheard() {
		wait = min(wait, w.hintAt.Sub(now))
		if wait <= 0 {
			return rehint, "", 0
		}
	}
	return nothing, "", wait
}

// leaseEnd is when the current attempt expires if no sign of life comes. All
// its times are of this node's clock.
func (f *fleet) leaseEnd(w *work) time.Time {
	from := w.sign
	if from.Before(f.leasesFrom) {
		from = f.leasesFrom
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
