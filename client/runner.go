package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// The reasons for which work is stopped.
var (
	errRevoked  = errors.New("the attempt is over")
	errShutdown = errors.New("the agent is shutting down")
)

const (
	remembered = 64              // finished attempts that a late repetition is known by
	lastGrace  = 2 * time.Second // for handlers to end after they were told to
	lastReport = 5 * time.Second // for the mesh to take the last reports
)

// runner is an agent's state. The fields below mark belong to its loop, the
// one goroutine that receives messages, gives signs of life and decides what
// to take: an agent that is deaf is silent as well.
type runner struct {
	c        *Client
	cfg      AgentConfig
	base     context.Context // of the work: outlives the caller's, so that it can finish
	stop     context.CancelFunc
	link     atomic.Pointer[link]
	finished chan *Work
	fetched  chan fetched

	// busy counts handlers that run. An attempt whose report is on its way counts
	// no more: the mesh may have given its slot to another before the
	// acknowledgement is read here.
	busy atomic.Int64

	// mark
	held        map[string]*Work // by task
	done        map[string]int   // task → attempt, finished lately
	doneRing    []string
	term        uint64 // highest seen
	fetching    bool
	draining    bool
	interrupted bool
}

// fetched is what a request for pending messages brought.
type fetched struct {
	from     *link
	messages []Inbox
	err      error
}

func newRunner(ctx context.Context, c *Client, cfg AgentConfig) *runner {
	r := &runner{
		c: c, cfg: cfg, finished: make(chan *Work), fetched: make(chan fetched),
		held: map[string]*Work{}, done: map[string]int{},
	}
	r.base, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// abandon stops all work without reporting about it.
func (r *runner) abandon() {
	r.interrupt()
	r.stop()
	for len(r.held) > 0 {
		r.forget(<-r.finished)
	}
	if r.fetching {
		<-r.fetched
	}
}

// session works over one link. It returns nil when ctx has ended and the
// agent has left, and the link's error when that is lost for good.
func (r *runner) session(ctx context.Context, reg Registration) error {
	l, err := r.open(reg)
	if err != nil {
		return err
	}
	defer l.close()
	r.link.Store(l)
	r.fetch(l, 0)
	over := newStoppedTimer()
	defer over.Stop()
	beat := time.NewTimer(l.pause())
	defer beat.Stop()
	ended := ctx.Done()
	for !r.draining || len(r.held) > 0 {
		select {
		case <-ended:
			ended, r.draining = nil, true
			over.Reset(r.cfg.DrainTimeout)
		case <-over.C:
			if r.interrupted {
				r.stop() // nobody takes the last reports
			}
			r.interrupt()
			over.Reset(lastGrace + lastReport)
		case err := <-l.lost:
			if !r.draining {
				return err
			}
		case <-l.reconnected:
			r.fetch(l, 0)
		case m := <-l.messages:
			r.receive(l, decodeInbox(m), true) //nolint:contextcheck // the work outlives ctx, so that it can finish
		case f := <-r.fetched:
			r.receiveFetched(l, f) //nolint:contextcheck // as above
		case w := <-r.finished:
			r.forget(w)
		case <-beat.C:
			r.warn("heartbeat", l.beat(r.holding()))
			beat.Reset(l.pause())
		}
	}
	r.leave(l) //nolint:contextcheck // ctx has ended
	return nil
}

// leave ends an agent that holds nothing any more.
func (r *runner) leave(l *link) {
	ctx, cancel := context.WithTimeout(r.base, lastReport)
	defer cancel()
	r.warn("leave", l.leave(ctx)) // at worst the mesh finds out by the silence
	r.stop()
	if r.fetching {
		<-r.fetched
	}
}

// fetch asks for messages that wait, in the background, after a pause.
func (r *runner) fetch(l *link, pause time.Duration) {
	if r.fetching {
		return
	}
	r.fetching = true
	held := r.holding()
	go func() {
		f := fetched{from: l}
		if sleep(l.ctx, pause) {
			f.messages, f.err = l.fetch(l.ctx, held)
		}
		r.fetched <- f
	}()
}

func (r *runner) receiveFetched(l *link, f fetched) {
	r.fetching = false
	switch {
	case f.from != l:
		r.fetch(l, 0)
		return
	case f.err != nil:
		r.warn("ask for work, to be repeated", f.err)
		r.fetch(l, backoff(500*time.Millisecond, 2, 5*time.Second))
		return
	}
	for _, m := range f.messages {
		r.receive(l, m, false)
	}
	if l.polls {
		r.fetch(l, 0)
	}
}

// receive acts on one message. pushed tells a message of the leader, whose
// term counts, from an answer made from the log.
func (r *runner) receive(l *link, m Inbox, pushed bool) {
	if v := m.Revoke; v != nil {
		if w := r.held[v.Task]; w != nil && w.Number <= v.Attempt {
			w.cancel(errRevoked)
		}
	}
	a := m.Assign
	if a == nil || r.known(a) {
		return
	}
	old := pushed && a.Term < r.term
	r.term = max(r.term, a.Term)
	switch {
	case old:
		r.refuse(l, a, "told by a leader of an older term")
	case r.draining:
		r.refuse(l, a, errShutdown.Error())
	case r.busy.Load() >= int64(r.cfg.Register.Capacity):
		r.refuse(l, a, "the agent is at its capacity")
	default:
		r.take(a)
	}
}

// known reports whether the attempt is held or finished already. A newer
// attempt at a task that is held ends the older one.
func (r *runner) known(a *Assignment) bool {
	if w := r.held[a.Task]; w != nil {
		if a.Attempt > w.Number {
			w.cancel(errRevoked) // the mesh tells of the new one again
		}
		return true
	}
	return r.done[a.Task] >= a.Attempt
}

func (r *runner) take(a *Assignment) {
	w := newWork(r.base, a)
	r.held[a.Task] = w
	r.busy.Add(1)
	go func() {
		r.run(w)
		r.finished <- w
	}()
}

// refuse hands an assignment back in the background, once: the mesh tells of
// it again as long as it stands.
func (r *runner) refuse(l *link, a *Assignment, reason string) {
	if !r.draining { // to hand back at the end is as it should be
		r.warn(aboutAttempt("hand back", a.Task, a.Attempt), errors.New(reason))
	}
	go func() {
		err := l.report(l.ctx, "return", AttemptReport{Task: a.Task, Attempt: a.Attempt, Agent: l.agent, Reason: reason})
		r.warn(aboutAttempt("return", a.Task, a.Attempt), err)
	}()
}

// warn tells the developer that something went wrong; what only the end of the
// agent stopped did not.
func (r *runner) warn(what string, err error) {
	if r.cfg.OnError != nil && err != nil && !errors.Is(err, context.Canceled) {
		r.cfg.OnError(fmt.Errorf("%s: %w", what, err))
	}
}

func aboutAttempt(what, task string, number int) string {
	return fmt.Sprintf("%s task %s attempt %d", what, task, number)
}

// interrupt tells what still runs that the agent ends. Each attempt then hands
// its task back, after lastGrace even when its handler has not returned.
func (r *runner) interrupt() {
	r.interrupted = true
	for _, w := range r.held {
		w.cancel(errShutdown)
	}
}

func (r *runner) forget(w *Work) {
	delete(r.held, w.Task)
	if _, ok := r.done[w.Task]; !ok {
		r.doneRing = append(r.doneRing, w.Task)
	}
	r.done[w.Task] = w.Number
	if len(r.doneRing) > remembered {
		delete(r.done, r.doneRing[0])
		r.doneRing = r.doneRing[1:]
	}
}

func (r *runner) holding() []Held {
	held := make([]Held, 0, len(r.held))
	for _, w := range r.held {
		held = append(held, Held{Task: w.Task, Attempt: w.Number})
	}
	return held
}

// jitter returns d give or take a tenth.
func jitter(d time.Duration) time.Duration { return d*9/10 + rand.N(d/5+1) }

func newStoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
