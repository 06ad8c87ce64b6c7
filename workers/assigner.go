package workers

import (
	"errors"
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/eventstore"
)

const (
	maxInFlight = 2_000                  // effects on their way to the log
	waitBusy    = 20 * time.Millisecond  // until an effect finds room among them
	waitTail    = time.Second            // until the tail has shown what an effect lost against
	waitUnknown = 10 * time.Second       // until the log has shown whether an effect was stored
	waitLog     = 500 * time.Millisecond // until the log is tried again
)

// result is how an effect ended.
type result struct {
	what   effect
	work   *work   // of effects on tasks
	flight *flight // and this was theirs
	agent  *member // whom it concerns
	after  uint64  // the task's sequence that it was decided on
	events []eventstore.Record
	err    error
}

// assign pairs what waits with who is free, and appends the assignments.
func (c *Coordinator) assign(now time.Time) {
	if !c.mayAct() || now.Before(c.pausedUntil) {
		return
	}
	for _, p := range c.fleet.match.round(maxInFlight - c.inFlight) {
		w, m := p.work, p.member
		fl := &flight{agent: m, attempt: w.state().Attempt + 1, term: c.lease.term}
		c.launch(w, fl)
		c.cfg.Commands.AssignTask(w.tenant, w.loaded, m.id, c.landing(result{what: assign, work: w, flight: fl, agent: m, after: w.loaded.Seq}))
	}
}

// perform looks at a task and carries out what is due.
func (c *Coordinator) perform(w *work, now time.Time) {
	due, why := c.fleet.review(w, now)
	if due == nothing || !c.mayAct() {
		return // a node that begins to act looks at everything
	}
	if due == rehint {
		c.count.Rehints++
		w.rehinted(now)
		c.hint(w, w.state().Agent, w.state().Attempt, c.lease.term)
		c.fleet.review(w, now)
		return
	}
	if c.inFlight >= maxInFlight || now.Before(c.pausedUntil) {
		c.fleet.postpone(w, now.Add(waitBusy))
		return
	}
	fl := &flight{attempt: w.state().Attempt}
	c.launch(w, fl)
	done := c.landing(result{what: due, work: w, flight: fl, after: w.loaded.Seq})
	switch due {
	case exceed:
		c.cfg.Commands.ExceedDeadline(w.tenant, w.loaded, done)
	case takeBack:
		c.cfg.Commands.TakeBackTask(w.tenant, w.loaded, fl.attempt, why, done)
	default:
		c.cfg.Commands.ExpireLease(w.tenant, w.loaded, fl.attempt, why, done)
	}
}

func (c *Coordinator) launch(w *work, fl *flight) {
	w.flight = fl
	c.inFlight++
	c.fleet.timers.remove(w)
}

// landing returns the callback that brings an effect's outcome to the loop.
func (c *Coordinator) landing(r result) commands.Appended {
	return func(receipt eventstore.Receipt, err error) {
		r.events, r.err = receipt.Records, err
		c.results.put(r)
	}
}

// landed takes in the outcome of an effect, before the tail brings its event.
func (c *Coordinator) landed(r result, now time.Time) {
	c.inFlight--
	wait := c.judge(r, now)
	if r.work == nil {
		if r.err != nil {
			r.agent.busy = now.Add(wait)
		}
		return
	}
	w := r.work
	if r.err == nil {
		c.foldOwn(r, now)
		if r.what == assign && (w.flight == r.flight || w.state().Attempt == r.flight.attempt && w.slot == r.agent) {
			c.count.Hints++
			c.hint(w, r.agent.id, r.flight.attempt, r.flight.term)
		}
		return
	}
	if w.flight != r.flight {
		return
	}
	if !errors.Is(r.err, eventstore.ErrUnknownOutcome) {
		c.fleet.unreserve(r.flight)
	}
	r.flight.until = now.Add(wait)
	c.fleet.review(w, now)
}

// foldOwn folds the events of an effect on a task, unless the tail was faster,
// and lets commands know the state that follows: the agent may answer before
// the tail brings it.
func (c *Coordinator) foldOwn(r result, now time.Time) {
	w := r.work
	if w.loaded.Seq != r.after || w.loading > 0 || c.fleet.works[w.key] != w {
		return
	}
	for _, e := range r.events {
		c.heed(c.fleet.foldTask(w.key, e, now), now)
	}
	if len(r.events) > 0 && w.readOnly == "" {
		c.cfg.Commands.RememberTask(w.tenant, r.after, w.loaded, r.events[0].Command)
	}
}

// judge counts an outcome and says how long to wait before another try.
func (c *Coordinator) judge(r result, now time.Time) time.Duration {
	var conflict *eventstore.ConflictError
	switch {
	case r.err == nil:
		c.count.succeeded(r.what)
		return 0
	case errors.As(r.err, &conflict):
		c.count.Conflicts++
		return waitTail
	case errors.Is(r.err, eventstore.ErrUnknownOutcome):
		c.count.Unknown++
		c.pausedUntil = now.Add(waitLog)
		return waitUnknown
	case errors.Is(r.err, eventstore.ErrUnavailable), errors.Is(r.err, eventstore.ErrFull):
		c.count.Failed++
		c.pausedUntil = now.Add(waitLog)
		return waitLog
	default:
		c.count.Failed++
		c.cfg.Log.Warn().Err(r.err).Str("effect", r.what.String()).Msg("an effect was refused; it is tried again")
		return waitTail
	}
}

// succeeded counts an effect that was appended.
func (n *Counters) succeeded(what effect) {
	switch what {
	case assign:
		n.Assigned++
	case expire, takeBack:
		n.Expired++
	case exceed:
		n.Deadlines++
	case lose:
		n.Lost++
	case comeBack:
		n.Returned++
	case nothing, rehint:
	}
}
