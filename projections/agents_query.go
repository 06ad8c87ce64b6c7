package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/agent"
)

// Agent is an agent as the read model knows it.
type Agent struct {
	ID           string
	Name         string
	Status       string // active, draining, lost, left or asleep
	Capabilities []string
	Queues       []string
	Capacity     int
	Load         int // tasks it holds
	Version      string
	Labels       map[string]string
	RegisteredAt time.Time
	UpdatedAt    time.Time
	Seq          uint64 // of the last event
	Incomplete   bool   // an event of this agent is parked
}

// agentFields are what a filter on agents may name.
func agentFields() map[string]field {
	return map[string]field{
		"id": {"t.id", asUUID}, "name": {"t.name", asText}, "status": {"t.status", asText}, "capability": {"t.capabilities", asSet},
		"queue": {"t.queues", asSet}, "capacity": {"t.capacity", asNumber}, "version": {"t.version", asText},
		"registered": {"t.registered_at", asTime}, "updated": {"t.updated_at", asTime}, "label": {"t.labels", asLabels},
	}
}

const agentColumnList = `t.id::text, t.name, t.status, t.capabilities, t.queues, t.capacity, t.version, t.labels, t.registered_at, t.updated_at, t.seq,
	EXISTS (SELECT FROM projection_parked p JOIN projection_live l ON l.name = p.name AND l.version = p.version
		AND l.generation = p.generation WHERE p.name = 'agents' AND p.key = t.tenant || '/agent/' || t.id)`

func scanAgent(row pgx.CollectableRow) (Agent, error) {
	var a Agent
	err := row.Scan(&a.ID, &a.Name, &a.Status, &a.Capabilities, &a.Queues, &a.Capacity, &a.Version, &a.Labels, &a.RegisteredAt, &a.UpdatedAt,
		&a.Seq, &a.Incomplete)
	return a, err
}

// Agents lists a tenant's agents by name. Load is counted from the tasks read
// model, which must have a live generation, too.
func (p *Projections) Agents(ctx context.Context, tenant string, q Query) (Page[Agent], error) {
	var page Page[Agent]
	from, err := q.begin("agents", tenant)
	if err != nil {
		return page, err
	}
	c := where(tenant)
	if err := c.filter(q.conditions(), agentFields()); err != nil {
		return page, err
	}
	if from != nil {
		c.sql = append(c.sql, fmt.Sprintf("(t.name, t.id) > (%s::text, %s::uuid)", c.arg(from.Text), c.arg(from.ID)))
	}
	var at pointer
	page.Items, at, err = p.agents(ctx, q.After, tenant, fmt.Sprintf("%s ORDER BY t.name, t.id LIMIT %d", c, q.Limit+1), c.args)
	if err != nil {
		return Page[Agent]{}, err
	}
	finish(&page, q, "agents", tenant, at, func(a Agent) cursor { return cursor{Text: a.Name, ID: a.ID} })
	return page, nil
}

// Agent returns one agent by its name, by its id, or by the beginning of its
// id. It fails with NotFound, and with Conflict when several begin so.
func (p *Projections) Agent(ctx context.Context, tenant, idOrNameOrPrefix string, after uint64) (Agent, error) {
	found, _, err := p.agents(ctx, after, tenant, "t.tenant = $1 AND t.name = $2 ORDER BY t.status IN ('lost', 'left'), t.seq DESC LIMIT 1", []any{tenant, clean(idOrNameOrPrefix)})
	if err != nil || len(found) > 0 {
		return single(found, err, idOrNameOrPrefix, agent.ErrNotFound)
	}
	low, high, err := idRange(idOrNameOrPrefix, agent.ErrNotFound)
	if err != nil {
		return Agent{}, err
	}
	found, _, err = p.agents(ctx, 0, tenant, "t.tenant = $1 AND t.id BETWEEN $2::uuid AND $3::uuid ORDER BY t.id LIMIT 2", []any{tenant, low, high})
	return single(found, err, idOrNameOrPrefix, agent.ErrNotFound)
}

// agents reads rows and counts the open tasks of each.
func (p *Projections) agents(ctx context.Context, after uint64, tenant, rest string, args []any) ([]Agent, pointer, error) {
	d, err := p.definition("tasks")
	if err != nil {
		return nil, pointer{}, err
	}
	var found []Agent
	at, err := p.ask(ctx, "agents", after, func(ctx context.Context, db querier, at pointer) error {
		rows, err := db.Query(ctx, in(at.schema, "SELECT "+agentColumnList+" FROM {s}.agent t WHERE "+rest), append([]any{described}, args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanAgent)
		if err != nil || len(found) == 0 {
			return err
		}
		return p.loads(ctx, db, d, tenant, found)
	})
	return found, at, err
}

// loads fills in how many tasks each agent holds.
func (p *Projections) loads(ctx context.Context, db querier, d definition, tenant string, found []Agent) error {
	one, ok := db.(rower)
	if !ok {
		return errors.New("count open tasks: no connection")
	}
	at, err := p.point(ctx, one, d)
	if err != nil {
		return err
	}
	ids, place := make([]string, len(found)), make(map[string]*Agent, len(found))
	for i := range found {
		ids[i] = found[i].ID
		place[found[i].ID] = &found[i]
	}
	rows, err := db.Query(ctx, in(at.schema, `SELECT agent, count(*) FROM {s}.task WHERE tenant = $1 AND agent <> '' AND agent = ANY($2) GROUP BY agent`), described, tenant, ids)
	if err != nil {
		return err
	}
	var id string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		place[id].Load = n
		return nil
	})
	return err
}
