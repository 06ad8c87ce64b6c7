package workers

import (
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

// key names a task or an agent.
type key struct{ tenant, id string }

// work is a task that is not final.
type work struct {
	key
	loaded   eventstore.Loaded[task.Task]
	submit   uint64 // sequence of the task's first event: its age, and where its input is
	trimmed  bool   // the input was too large to keep; it is in the first event
	readOnly string // why this node must not act on the task; empty = it may
	loading  uint64 // the task's history is being loaded, up to this sequence at least; 0 = it is not

	class  *class  // who may take it
	slot   *member // the agent that holds it, by the log
	flight *flight // the effect that is on its way to the log

	sign   time.Time // when this node last saw a sign of life of the attempt
	named  bool      // the agent named the attempt in a heartbeat, so it knows of it
	hints  int       // how often the attempt has been told again
	hintAt time.Time // when to tell it again

	returns   int       // how often in a row its agents handed it back
	restUntil time.Time // not assigned before, because of that

	due      time.Time // when to look at it again
	inQueue  int       // its place among the waiting of its class
	inTimers int       // its place among the timers
}

// state is the task itself.
func (w *work) state() *task.Task { return &w.loaded.State }

// flight is an effect on its way to the log. While it is, nothing else is
// tried on the task.
type flight struct {
	agent   *member   // whose slot is reserved; nil = none
	attempt int       // the attempt that the effect begins or ends
	term    uint64    // of the leader that began it
	until   time.Time // try again then if the log has not shown an outcome; zero = not answered yet
}

// member is an agent of the fleet.
type member struct {
	key
	loaded   eventstore.Loaded[agent.Agent]
	readOnly string
	held     map[*work]struct{} // by the log; nil until there is one
	reserved int                // assignments on their way to the log
	turn     uint64             // when its load last changed, in turns of the fold
	pool     *pool              // the agents like it, while it may be given work
	inPool   int

	aside     aside     // why it is given no new work for now
	returns   int       // how often in a row it handed work back
	restUntil time.Time // given nothing before, because of that

	heard    time.Time // last sign of life seen by this node
	silentAt time.Time // when it was found silent for too long; zero = it is not
	busy     time.Time // an effect is on its way, or failed: nothing else until then
}

func (m *member) used() int { return len(m.held) + m.reserved }

func (m *member) free() int { return m.loaded.State.Spec.Capacity - m.used() }

// gone says why the agent's attempts are over: it is lost, left or asleep.
func (m *member) gone() string {
	switch m.loaded.State.Status {
	case agent.StatusLost:
		return "agent lost"
	case agent.StatusLeft:
		return "agent left"
	case agent.StatusAsleep: // the assignment was on its way when it was put to sleep
		return "agent asleep"
	default:
		return ""
	}
}

// fleet is what the log says about tasks that are not final and about agents,
// with what follows from it for matching and timing. One goroutine owns it.
type fleet struct {
	works  map[key]*work
	agents map[key]*member // but those that are away
	away   map[key]*member // lost, left or asleep, and without any work: nothing is decided about them
	match  matching
	timers heap[*work]

	loading map[*work]uint64 // tasks whose history is being loaded, with the event that brought them back

	folded     uint64    // sequence of the last event
	leasesFrom time.Time // no lease runs from an earlier time than this
	held       int       // works with a slot
	present    int       // agents active or draining when last attended
	readOnly   int       // works and agents that are
}

func newFleet() *fleet {
	return &fleet{
		works: map[key]*work{}, agents: map[key]*member{}, away: map[key]*member{}, match: newMatching(), loading: map[*work]uint64{},
		timers: newHeap(func(a, b *work) bool { return a.due.Before(b.due) }, func(w *work) *int { return &w.inTimers }),
	}
}

// complete reports whether everything up to a sequence is known: the events
// have been folded, and no task among them is still being loaded.
func (f *fleet) complete(seq uint64) bool {
	if f.folded < seq {
		return false
	}
	for _, since := range f.loading {
		if since <= seq {
			return false
		}
	}
	return true
}
