package projections

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/agent"
)

func agentsDefinition() definition {
	return definition{name: "agents", version: 1, kinds: []string{"agent"}, open: newAgents, tables: []table{
		{
			name: "agent", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
			name text NOT NULL, status text NOT NULL, draining boolean NOT NULL,
			capabilities jsonb, queues jsonb, labels jsonb, capacity bigint NOT NULL, version text NOT NULL,
			registered_at timestamptz NOT NULL, updated_at timestamptz NOT NULL`,
			indexes: []string{"(tenant, name, id)"},
		},
	}}
}

// agentRow is a row of the agent table.
type agentRow struct {
	rowKey
	agent.Agent
	firstSeq, seq uint64
	updated       time.Time
	dirty         bool
}

// agents is the read model of agents. Their load is counted from the open
// tasks when it is asked for.
type agents struct {
	rows    *workset[agentRow]
	changed []*agentRow
}

func newAgents() model { return &agents{rows: newWorkset[agentRow](10_000)} }

func (a *agents) asks(kind string) bool { return kind == "agent" }

func (a *agents) check(it *item) error { return it.decodable() }

func (a *agents) settle() { a.rows.settle() }

func (a *agents) reset() {
	a.rows.reset()
	a.changed = nil
}

var errNoAgent = errors.New("the agent was never registered")

func (a *agents) fold(it *item) error {
	r := a.rows.get(it.row())
	if _, ok := it.agent.(agent.Registered); ok && r == nil {
		r = &agentRow{rowKey: it.row(), firstSeq: it.Seq}
		r.ID = it.Entity.ID
		a.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoAgent
	}
	if it.Seq <= r.seq {
		return nil
	}
	r.Agent = r.Apply(it.agent, it.Time)
	r.seq, r.updated = it.Seq, it.Time
	if !r.dirty {
		r.dirty = true
		a.changed = append(a.changed, r)
	}
	return nil
}

func (a *agents) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := a.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadAgents), tenants, ids).Query(a.loaded)
	}
}

const loadAgents = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.name, t.status, t.draining, t.capabilities, t.queues, t.labels,
		t.capacity, t.version, t.registered_at, t.updated_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.agent t ON t.tenant = k.tenant AND t.id = k.id`

func (a *agents) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &agentRow{}
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &r.Spec.Name, &r.Status, &r.Draining, &r.Spec.Capabilities, &r.Spec.Queues,
			&r.Spec.Labels, &r.Spec.Capacity, &r.Spec.Version, &r.RegisteredAt, &r.updated); err != nil {
			return err
		}
		r.ID = r.id.String()
		a.rows.put(r.rowKey, r)
	}
	return rows.Err()
}

const upsertAgents = `INSERT INTO {s}.agent AS t (tenant, id, first_seq, seq, name, status, draining, capabilities, queues, labels,
		capacity, version, registered_at, updated_at)
	SELECT tenant, id, first_seq, seq, name, status, draining, capabilities::jsonb, queues::jsonb, labels::jsonb, capacity, version, registered_at, updated_at
	FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::boolean[], $8::text[], $9::text[], $10::text[],
		$11::bigint[], $12::text[], $13::timestamptz[], $14::timestamptz[])
		AS u(tenant, id, first_seq, seq, name, status, draining, capabilities, queues, labels, capacity, version, registered_at, updated_at)
	ON CONFLICT (tenant, id) DO UPDATE SET seq = excluded.seq, name = excluded.name, status = excluded.status, draining = excluded.draining,
		capabilities = excluded.capabilities, queues = excluded.queues, labels = excluded.labels, capacity = excluded.capacity,
		version = excluded.version, updated_at = excluded.updated_at
	WHERE excluded.seq > t.seq`

func (a *agents) flush(b *pgx.Batch, schema string) {
	if len(a.changed) == 0 {
		return
	}
	var tenants, names, states, versions []string
	var ids [][16]byte
	var firsts, seqs, capacities []int64
	var draining []bool
	var capabilities, queues, marks []*string
	var registered, updated []time.Time
	for _, r := range a.changed {
		tenants, ids = append(tenants, r.tenant), append(ids, r.id)
		firsts, seqs, capacities = append(firsts, int64(r.firstSeq)), append(seqs, int64(r.seq)), append(capacities, int64(r.Spec.Capacity))
		names, states, versions = append(names, clean(r.Spec.Name)), append(states, string(r.Status)), append(versions, clean(r.Spec.Version))
		draining, marks = append(draining, r.Draining), append(marks, labels(r.Spec.Labels))
		capabilities, queues = append(capabilities, list(r.Spec.Capabilities)), append(queues, list(r.Spec.Queues))
		registered, updated = append(registered, r.RegisteredAt), append(updated, r.updated)
		r.dirty = false
	}
	a.changed = a.changed[:0]
	b.Queue(in(schema, upsertAgents), tenants, ids, firsts, seqs, names, states, draining, capabilities, queues, marks,
		capacities, versions, registered, updated)
}
