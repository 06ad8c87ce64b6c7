package workers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain/agent"
	"github.com/hivemesh/hivemesh/domain/task"
	"github.com/hivemesh/hivemesh/eventstore"
)

const tenant = "acme"

// ledger writes events as the log would hold them, and folds them.
type ledger struct {
	t      testing.TB
	fleet  *fleet
	tenant string // of the next events
	seq    uint64
	now    time.Time
	log    []eventstore.Record
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	return &ledger{t: t, fleet: newFleet(), tenant: tenant, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

func (l *ledger) record(kind, id, typ string, schema int, e any) news {
	data, err := json.Marshal(e)
	if err != nil {
		l.t.Fatal(err)
	}
	l.seq++
	r := eventstore.Record{
		Seq: l.seq, Entity: eventstore.Entity{Tenant: l.tenant, Kind: kind, ID: id},
		Type: typ, Schema: schema, Time: l.now, Data: data, Index: 1, Count: 1,
	}
	l.log = append(l.log, r)
	return l.fleet.fold(r, l.now)
}

// task appends an event and looks at the task, as the loop does.
func (l *ledger) task(id string, e task.Event) (effect, string) {
	n := l.record("task", id, e.Type(), task.Schema, e)
	if n.changed == nil {
		return nothing, ""
	}
	return l.fleet.review(n.changed, l.now)
}

func (l *ledger) agent(id string, e agent.Event) news {
	return l.record("agent", id, e.Type(), agent.Schema, e)
}

func (l *ledger) submit(id string, s task.Spec) { l.task(id, task.Submitted{Spec: s.WithDefaults()}) }

func (l *ledger) join(id string, capacity int, capabilities ...string) *member {
	l.agent(id, agent.Registered{Spec: agent.Spec{Name: id, Capacity: capacity, Capabilities: capabilities}})
	return l.member(id)
}

func (l *ledger) work(id string) *work     { return l.fleet.works[key{l.tenant, id}] }
func (l *ledger) member(id string) *member { return l.fleet.member(key{l.tenant, id}) }

// round matches and has every assignment on its way.
func (l *ledger) round(limit int) []pair {
	pairs := l.fleet.match.round(limit)
	for _, p := range pairs {
		p.work.flight = &flight{agent: p.member, attempt: p.work.state().Attempt + 1}
	}
	return pairs
}

// confirm appends the assignment that was on its way.
func (l *ledger) confirm(p pair) {
	l.task(p.work.id, task.Assigned{Attempt: p.work.flight.attempt, Agent: p.member.id})
}
