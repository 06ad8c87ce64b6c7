package projections

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func tenantTables() []table {
	return []table{
		{
			name: "tenant", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL, title text NOT NULL,
			suspended boolean NOT NULL, reason text NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL`,
		},
		{
			name: "role", key: "tenant, name", columns: `
			tenant text NOT NULL, name text NOT NULL, description text NOT NULL, permissions jsonb,
			defined_by text NOT NULL, defined_at timestamptz NOT NULL`,
		},
		{
			name: "held", key: "tenant, principal, role", columns: `
			tenant text NOT NULL, principal uuid NOT NULL, role text NOT NULL, granted_by text NOT NULL,
			granted_at timestamptz NOT NULL, ends_at timestamptz`,
			indexes: []string{"(tenant, role)"},
		},
		{
			name: "policy", key: "tenant, name", columns: `
			tenant text NOT NULL, name text NOT NULL, version bigint NOT NULL, text text NOT NULL,
			set_by text NOT NULL, set_at timestamptz NOT NULL`,
		},
	}
}

type tenantRow struct {
	ownRow
	title, reason string
	suspended     bool
	created       time.Time
}

// named is the key of a role or a policy.
type named struct{ tenant, name string }

type heldKey struct {
	tenant    string
	principal uuid.UUID
	role      string
}

// change is a row of a table without a state: nil, it is to be gone.
type change[R any] struct {
	row *R
	by  string
	at  time.Time
}

// tenants keeps the rows of tenants and of what belongs to them. Of the latter
// only what the batch changes is at hand.
type tenants struct {
	rows     *workset[tenantRow]
	changed  []*tenantRow
	roles    map[named]change[identity.Role]
	policies map[named]change[identity.Policy]
	held     map[heldKey]change[identity.Held]
	gone     map[named]bool // roles that were removed: nobody holds them any more
}

func newTenants() *tenants {
	t := &tenants{rows: newWorkset[tenantRow](10_000)}
	t.reset()
	return t
}

func (t *tenants) takes(e identity.Event) bool {
	_, ok := e.(identity.TenantEvent)
	return ok
}

func (t *tenants) settle() { t.rows.settle() }

func (t *tenants) reset() {
	t.rows.reset()
	t.begin()
}

// begin forgets what was changed.
func (t *tenants) begin() {
	t.changed, t.gone = t.changed[:0], map[named]bool{}
	t.roles, t.policies, t.held = map[named]change[identity.Role]{}, map[named]change[identity.Policy]{}, map[heldKey]change[identity.Held]{}
}

var errNoTenant = errors.New("the tenant was never created")

func (t *tenants) fold(it *item) error {
	r := t.rows.get(it.row())
	if _, ok := it.identity.(identity.TenantCreated); ok && r == nil {
		r = &tenantRow{ownRow: newRow(it), created: it.Time}
		t.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoTenant
	}
	written := r.dirty
	if !r.turn(it) {
		return nil
	}
	if !written {
		t.changed = append(t.changed, r)
	}
	switch e := it.identity.(type) {
	case identity.TenantCreated:
		r.title = e.Title
	case identity.TenantSuspended:
		r.suspended, r.reason = true, e.Reason
	case identity.TenantResumed:
		r.suspended, r.reason = false, ""
	}
	return t.belongings(it)
}

// belongings folds what belongs to a tenant.
func (t *tenants) belongings(it *item) error {
	tenant := it.Entity.Tenant
	switch e := it.identity.(type) {
	case identity.RoleDefined:
		t.roles[named{tenant, e.Name}] = change[identity.Role]{&e.Role, it.Actor, it.Time}
	case identity.RoleRemoved:
		t.remove(named{tenant, e.Role})
	case identity.RoleGranted:
		return t.hold(tenant, e.Grant, change[identity.Held]{&identity.Held{Role: e.Role, Ends: e.ExpiresAt}, it.Actor, it.Time})
	case identity.RoleProvided:
		return t.hold(tenant, e.Grant, change[identity.Held]{&identity.Held{Role: e.Role}, it.Actor, it.Time})
	case identity.RoleRevoked:
		return t.hold(tenant, e.Grant, change[identity.Held]{})
	case identity.PolicySet:
		t.policies[named{tenant, e.Name}] = change[identity.Policy]{&identity.Policy{Name: e.Name, Version: e.Version, Text: e.Text}, it.Actor, it.Time}
	case identity.PolicyRemoved:
		t.policies[named{tenant, e.Name}] = change[identity.Policy]{}
	}
	return nil
}

// remove takes a role from the tenant and from everybody who holds it.
func (t *tenants) remove(role named) {
	t.roles[role], t.gone[role] = change[identity.Role]{}, true
	for k := range t.held {
		if k.tenant == role.tenant && k.role == role.name {
			t.held[k] = change[identity.Held]{}
		}
	}
}

func (t *tenants) hold(tenant string, g identity.Grant, c change[identity.Held]) error {
	principal, err := uuid.Parse(g.Principal)
	if err != nil {
		return fmt.Errorf("principal: %w", err)
	}
	t.held[heldKey{tenant, principal, g.Role}] = c
	return nil
}

func (t *tenants) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := t.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadTenants), tenants, ids).Query(t.loaded)
	}
}

const loadTenants = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.title, t.suspended, t.reason, t.created_at, t.updated_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.tenant t ON t.tenant = k.tenant AND t.id = k.id`

func (t *tenants) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &tenantRow{}
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &r.title, &r.suspended, &r.reason, &r.created, &r.updated); err != nil {
			return err
		}
		t.rows.put(r.rowKey, r)
	}
	return rows.Err()
}
