package projections

import (
	"context"
	"fmt"
	"time"
)

// Tenant is a tenant as the read model knows it.
type Tenant struct {
	Name      string
	Title     string
	Suspended bool
	Reason    string // of the suspension
	CreatedAt time.Time
	UpdatedAt time.Time
	Seq       uint64 // of the last event
}

// Role is a custom role. The built-in ones are code (identity.BuiltinRoles).
type Role struct {
	Name        string
	Description string
	Permissions []string
	DefinedBy   string
	DefinedAt   time.Time
}

// Grant is a role that a principal holds.
type Grant struct {
	Principal string
	Name      string // of the principal
	Role      string
	Active    bool // it has not ended by itself
	GrantedBy string
	GrantedAt time.Time
	EndsAt    *time.Time
}

// Policy is a policy as it was set last.
type Policy struct {
	Name    string
	Version int
	Text    string
	SetBy   string
	SetAt   time.Time
}

// Tenants lists all tenants by name. Who may see that is for the caller to
// know: it is the one list that looks beyond a tenant.
func (p *Projections) Tenants(ctx context.Context, q Query) (Page[Tenant], error) {
	return readPage(ctx, p, q, &conditions{sql: []string{"true"}}, listing[Tenant]{
		name: "tenants", from: "{s}.tenant t", order: "t.tenant",
		columns: "t.tenant, t.title, t.suspended, t.reason, t.created_at, t.updated_at, t.seq",
		fields: map[string]field{
			"name": {"t.tenant", asText}, "suspended": {"t.suspended", asFlag}, "created": {"t.created_at", asTime}, "updated": {"t.updated_at", asTime},
		},
		after: func(c *conditions, from cursor) string { return "t.tenant > " + c.arg(from.Text) + "::text" },
		last:  func(t Tenant) cursor { return cursor{Text: t.Name} },
	})
}

// Roles lists a tenant's custom roles by name.
func (p *Projections) Roles(ctx context.Context, tenant string, q Query) (Page[Role], error) {
	return readPage(ctx, p, q, where(tenant), listing[Role]{
		name: "roles", scope: tenant, from: "{s}.role t", order: "t.name",
		columns: "t.name, t.description, t.permissions, t.defined_by, t.defined_at",
		fields: map[string]field{
			"name": {"t.name", asText}, "permission": {"t.permissions", asSet}, "by": {"t.defined_by", asText}, "defined": {"t.defined_at", asTime},
		},
		after: byName, last: func(r Role) cursor { return cursor{Text: r.Name} },
	})
}

// Policies lists a tenant's policies by name.
func (p *Projections) Policies(ctx context.Context, tenant string, q Query) (Page[Policy], error) {
	return readPage(ctx, p, q, where(tenant), listing[Policy]{
		name: "policies", scope: tenant, from: "{s}.policy t", order: "t.name", columns: "t.name, t.version, t.text, t.set_by, t.set_at",
		fields: map[string]field{
			"name": {"t.name", asText}, "version": {"t.version", asNumber}, "by": {"t.set_by", asText}, "set": {"t.set_at", asTime},
		},
		after: byName, last: func(p Policy) cursor { return cursor{Text: p.Name} },
	})
}

// byName continues a list by name.
func byName(c *conditions, from cursor) string { return "t.name > " + c.arg(from.Text) + "::text" }

// Grants lists who holds which role in a tenant, by principal and role. The
// role that agents hold by being agents is none of them. Who holds a role is
// the filter "role:<name> active:true".
func (p *Projections) Grants(ctx context.Context, tenant string, q Query) (Page[Grant], error) {
	c := where(tenant)
	active := "(t.ends_at IS NULL OR t.ends_at > " + p.moment(c) + ")"
	return readPage(ctx, p, q, c, listing[Grant]{
		name: "grants", scope: tenant, order: "t.principal, t.role",
		from:    "{s}.held t LEFT JOIN {s}.principal p ON p.tenant = t.tenant AND p.id = t.principal",
		columns: "t.principal::text, coalesce(p.name, ''), t.role, " + active + ", t.granted_by, t.granted_at, t.ends_at",
		fields: map[string]field{
			"principal": {"t.principal", asUUID}, "name": {"p.name", asText}, "role": {"t.role", asText}, "active": {active, asFlag},
			"by": {"t.granted_by", asText}, "granted": {"t.granted_at", asTime}, "ends": {"t.ends_at", asTime},
		},
		after: func(c *conditions, from cursor) string {
			return fmt.Sprintf("(t.principal, t.role) > (%s::uuid, %s::text)", c.arg(from.ID), c.arg(from.Text))
		},
		last: func(g Grant) cursor { return cursor{ID: g.Principal, Text: g.Role} },
	})
}
