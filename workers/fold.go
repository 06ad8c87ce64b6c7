package workers

import (
	"cmp"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// keepInput is the largest input, in bytes, that is kept in memory.
const keepInput = 4 << 10

// ended is an attempt that was ended by somebody else than the agent that
// held it, so that the agent must be told.
type ended struct {
	tenant, agent string
	Revocation
}

// news is what folding one event leaves to be done.
type news struct {
	changed *work   // look at its place in queue and timers
	wake    []*work // and at theirs
	revoke  *ended
	load    *work // its history must be loaded
}

// fold takes one event in, unless it had been before. Events of other kinds
// only move the position.
func (f *fleet) fold(r eventstore.Record, now time.Time) news {
	if r.Seq <= f.folded {
		return news{}
	}
	f.folded = r.Seq
	k := key{r.Entity.Tenant, r.Entity.ID}
	switch r.Entity.Kind {
	case "task":
		return f.foldTask(k, r, now)
	case "agent":
		return f.foldAgent(k, r, now)
	default:
		return news{}
	}
}

func (f *fleet) foldTask(k key, r eventstore.Record, now time.Time) news {
	w := f.works[k]
	if w == nil {
		if w = f.begin(k, r); w == nil {
			return news{}
		}
	}
	if w.loading > 0 {
		first := w.loading == r.Seq
		w.loading = r.Seq
		if first {
			return news{load: w}
		}
		return news{}
	}
	if r.Seq <= w.loaded.Seq {
		return news{} // it was part of the history
	}
	was, holder := w.loaded.State, w.slot
	next, err := commands.FoldTask(was, r)
	w.loaded.Seq = r.Seq
	if err != nil {
		f.freeze(w, err)
		return news{changed: w}
	}
	w.loaded.State = next
	f.settled(w, was, now)
	f.handedBack(w, holder, r, now)
	n := news{changed: w, revoke: overruled(k.tenant, was, next, r)}
	if next.Status.Final() {
		f.drop(w)
		n.changed = nil
	}
	return n
}

// begin makes a place for a task that the fleet does not know: a new one, one
// that comes back after it was final, or one that begins with an event of a
// newer binary. Of a final task nothing else matters.
func (f *fleet) begin(k key, r eventstore.Record) *work {
	_, known := task.Decoders[r.Type]
	switch {
	case r.Type == (task.Requeued{}).Type():
		w := &work{key: k, loading: r.Seq}
		f.works[k], f.loading[w] = w, r.Seq
		return w
	case r.Type == (task.Submitted{}).Type() || !known:
		w := &work{key: k, submit: r.Seq}
		f.works[k] = w
		return w
	default:
		return nil
	}
}

// settled brings everything that hangs on the task's state up to date.
func (f *fleet) settled(w *work, was task.Task, now time.Time) {
	t := w.state()
	if w.class == nil {
		f.match.classify(w)
	}
	if len(t.Spec.Input.Inline) > keepInput {
		t.Spec.Input, w.trimmed = domain.Payload{}, true
	}
	if t.Status.Held() {
		w.sign = now
	}
	if t.Attempt != was.Attempt {
		w.named, w.hints, w.hintAt = false, 0, now.Add(firstRehint)
	}
	f.land(w)
	f.seat(w)
}

// seat lets the task occupy a slot of the agent that holds it.
func (f *fleet) seat(w *work) {
	t := w.state()
	var want *member
	if t.Status.Held() {
		want = f.member(key{w.tenant, t.Agent})
	}
	if w.slot == want {
		return
	}
	if old := w.slot; old != nil {
		delete(old.held, w)
		f.held--
		f.match.loadChanged(old)
		f.stow(old)
	}
	if w.slot = want; want != nil {
		if want.held == nil {
			want.held = map[*work]struct{}{}
		}
		want.held[w] = struct{}{}
		f.held++
		f.match.loadChanged(want)
		f.stow(want)
	}
}

// land ends the task's flight: the log has shown what came of it, or it is
// given up.
func (f *fleet) land(w *work) {
	fl := w.flight
	if fl == nil {
		return
	}
	w.flight = nil
	f.unreserve(fl)
}

func (f *fleet) unreserve(fl *flight) {
	if m := fl.agent; m != nil {
		fl.agent = nil
		m.reserved--
		f.match.loadChanged(m)
		f.stow(m)
	}
}

// drop forgets a task that is final.
func (f *fleet) drop(w *work) {
	f.land(w)
	f.match.forget(w)
	f.timers.remove(w)
	if w.readOnly != "" {
		f.readOnly--
	}
	delete(f.works, w.key)
}

// freeze makes a task read-only for this node.
func (f *fleet) freeze(w *work, why error) {
	if w.readOnly == "" {
		f.readOnly++
	}
	w.readOnly = why.Error()
	f.land(w)
}

// overruled returns what the agent that held an attempt must be told, if it
// did not end the attempt itself.
func overruled(tenant string, was, now task.Task, r eventstore.Record) *ended {
	if !was.Status.Held() || now.Status.Held() {
		return nil
	}
	reason := ""
	switch r.Type {
	case task.Cancelled{}.Type():
		reason = "cancelled"
		if now.Reason != "" {
			reason += ": " + now.Reason
		}
	case task.LeaseExpired{}.Type(), task.DeadlineExceeded{}.Type():
		reason = now.Reason
	case task.AssignmentReturned{}.Type():
		if r.Actor != commands.SystemActor { // the agent's own doing
			return nil
		}
		reason = now.Reason
	default:
		return nil
	}
	return &ended{tenant, was.Agent, Revocation{Task: was.ID, Attempt: was.Attempt, Reason: reason}}
}

func (f *fleet) foldAgent(k key, r eventstore.Record, now time.Time) news {
	m := f.member(k)
	if m == nil {
		m = &member{key: k}
		f.agents[k] = m
	}
	next, err := commands.FoldAgent(m.loaded.State, r)
	m.loaded.Seq = r.Seq
	if err != nil {
		if m.readOnly == "" {
			f.readOnly++
		}
		m.readOnly = err.Error()
	} else {
		next.Spec.Labels, next.Spec.Version = nil, "" // nothing is decided by them
		m.loaded.State = next
	}
	m.busy = time.Time{}
	switch r.Type {
	case agent.Registered{}.Type(), agent.Updated{}.Type(), agent.Returned{}.Type():
		m.heard, m.silentAt = now, time.Time{}
		m.aside, m.returns, m.restUntil = notAside, 0, time.Time{}
	}
	f.match.place(m)
	f.stow(m)
	if m.gone() == "" {
		return news{}
	}
	return news{wake: m.attempts()}
}

// attempts returns the held tasks, oldest first.
func (m *member) attempts() []*work {
	all := make([]*work, 0, len(m.held))
	for w := range m.held {
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *work) int { return cmp.Compare(a.submit, b.submit) })
	return all
}

// install puts a task whose history was loaded in its place. It reports false
// when events came meanwhile that the history did not hold.
func (f *fleet) install(w *work, loaded eventstore.Loaded[task.Task], submit uint64, why error, now time.Time) bool {
	if f.works[w.key] != w || w.loading == 0 {
		return true
	}
	if loaded.Seq < w.loading && why == nil {
		return false
	}
	w.loading, w.loaded, w.submit = 0, loaded, submit
	delete(f.loading, w)
	if why != nil {
		f.freeze(w, why)
		return true
	}
	f.settled(w, task.Task{}, now)
	if w.state().Status.Final() {
		f.drop(w)
	}
	return true
}
