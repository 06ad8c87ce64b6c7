package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxParked is how many entities of one projection may be parked. More are a
// defect of the code, not of single events: the projection stops.
const maxParked = 10_000

// member is one generation of one read model in a lane.
type member struct {
	def        definition
	generation int
	schema     string
	model      model
	seq        uint64 // checkpoint
	owner      int64
	parked     map[string]string // parking key → party
	pending    []parkedRow       // to be written with the batch
}

type parkedRow struct {
	key, party, eventID, eventType, err string
	seq                                 uint64
	behind                              bool
}

// plan picks the events of items that concern m and can be tried. Those of
// parked entities, and those that cannot be decoded, are parked; the entities
// of one decision park together.
func (m *member) plan(items []*item) []*item {
	todo := make([]*item, 0, len(items))
	for start := 0; start < len(items); {
		end := decisionEnd(items, start)
		first := len(todo)
		for _, it := range items[start:end] {
			if it.Seq > m.seq && m.model.asks(it.Entity.Kind) {
				todo = append(todo, it)
			}
		}
		if asked := todo[first:]; m.mustPark(asked) {
			m.park(asked, nil)
			todo = todo[:first]
		}
		start = end
	}
	return todo
}

func (m *member) mustPark(asked []*item) bool {
	for _, it := range asked {
		if m.model.check(it) != nil {
			return true
		}
		if len(m.parked) > 0 && m.parked[it.key()] != "" {
			return true
		}
	}
	return false
}

// park puts the events of one decision aside. failure is what trying them
// gave, nil when they have not been tried; when it does not name an event,
// each of them may be the cause.
func (m *member) park(decision []*item, failure error) {
	party := decision[0].key()
	for _, it := range decision {
		if p := m.parked[it.key()]; p != "" {
			party = p
			break
		}
	}
	for _, it := range decision {
		if p := m.parked[it.key()]; p != "" && p != party {
			m.merge(p, party)
		}
		row := parkedRow{key: it.key(), party: party, seq: it.Seq, eventID: it.ID, eventType: it.Type, behind: true}
		err := m.model.check(it)
		if err == nil && blames(failure, it) {
			err = failure
		}
		if err != nil {
			row.err, row.behind = clean(err.Error()), false
		}
		m.parked[it.key()] = party
		m.pending = append(m.pending, row)
	}
}

func blames(failure error, it *item) bool {
	var p *poison
	return !errors.As(failure, &p) || p.seq == it.Seq
}

// merge ties two parties together because one decision concerns both.
func (m *member) merge(from, to string) {
	for k, p := range m.parked {
		if p == from {
			m.parked[k] = to
		}
	}
	m.pending = append(m.pending, parkedRow{key: from, party: to})
}

// flushParked queues what park put aside.
func (m *member) flushParked(b *pgx.Batch) {
	for _, r := range m.pending {
		if r.seq == 0 {
			b.Queue(`UPDATE projection_parked SET party = $5 WHERE name = $1 AND version = $2 AND generation = $3 AND party = $4`,
				m.def.name, m.def.version, m.generation, r.key, r.party)
			continue
		}
		b.Queue(`INSERT INTO projection_parked (name, version, generation, key, seq, party, event_id, event_type, error, behind)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
			m.def.name, m.def.version, m.generation, r.key, int64(r.seq), r.party, r.eventID, r.eventType, r.err, r.behind)
	}
}

// advance queues the move of the checkpoint to the event last.
func (m *member) advance(b *pgx.Batch, logEpoch string, last *item) {
	b.Queue(`SELECT projection_advance($1,$2,$3,$4,$5,$6,$7,$8,$9)`, m.def.name, m.def.version, m.generation,
		m.owner, logEpoch, int64(m.seq), int64(last.Seq), last.ID, last.Time)
}

// committed follows the commit of a batch that ended with last.
func (m *member) committed(last *item) {
	m.seq = last.Seq
	m.pending = m.pending[:0]
	m.model.settle()
}

// reload forgets what an undone transaction changed.
func (m *member) reload(ctx context.Context, q querier) error {
	m.model.reset()
	m.pending = m.pending[:0]
	m.parked = map[string]string{}
	rows, err := q.Query(ctx, `SELECT DISTINCT key, party FROM projection_parked WHERE name = $1 AND version = $2 AND generation = $3`,
		m.def.name, m.def.version, m.generation)
	if err != nil {
		return fmt.Errorf("read parked entities of %s: %w", m.def.name, err)
	}
	var key, party string
	_, err = pgx.ForEachRow(rows, []any{&key, &party}, func() error {
		m.parked[key] = party
		return nil
	})
	return err
}

// querier is what pgx.Conn, pgx.Tx and a pooled connection have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// unset returns nil for the zero time, which is NULL.
func unset(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
