package projections

import "github.com/jackc/pgx/v5"

// flush writes each row by a statement of its own: events about identities are
// few beside those of the work. What is gone is deleted before anything is
// added, so that a role may be removed, defined and granted anew in one batch.
func (t *tenants) flush(b *pgx.Batch, schema string) {
	for _, r := range t.changed {
		b.Queue(in(schema, upsertTenant), r.tenant, r.id, int64(r.firstSeq), int64(r.seq), clean(r.title), r.suspended, clean(r.reason), r.created, r.updated)
		r.dirty = false
	}
	for k := range t.gone {
		b.Queue(in(schema, `DELETE FROM {s}.held WHERE tenant = $1 AND role = $2`), k.tenant, clean(k.name))
	}
	t.flushRoles(b, schema)
	t.flushHeld(b, schema)
	t.flushPolicies(b, schema)
	t.begin()
}

const upsertTenant = `INSERT INTO {s}.tenant AS t (tenant, id, first_seq, seq, title, suspended, reason, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
	ON CONFLICT (tenant, id) DO UPDATE SET seq = excluded.seq, title = excluded.title, suspended = excluded.suspended,
		reason = excluded.reason, updated_at = excluded.updated_at
	WHERE excluded.seq > t.seq`

func (t *tenants) flushRoles(b *pgx.Batch, schema string) {
	for k, c := range t.roles {
		if c.row == nil {
			b.Queue(in(schema, `DELETE FROM {s}.role WHERE tenant = $1 AND name = $2`), k.tenant, clean(k.name))
			continue
		}
		b.Queue(in(schema, `INSERT INTO {s}.role (tenant, name, description, permissions, defined_by, defined_at)
			VALUES ($1, $2, $3, $4::text::jsonb, $5, $6)
			ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description, permissions = excluded.permissions,
				defined_by = excluded.defined_by, defined_at = excluded.defined_at`),
			k.tenant, clean(k.name), clean(c.row.Description), cleaned(c.row.Permissions), clean(c.by), c.at)
	}
}

func (t *tenants) flushHeld(b *pgx.Batch, schema string) {
	for k, c := range t.held {
		if c.row == nil {
			b.Queue(in(schema, `DELETE FROM {s}.held WHERE tenant = $1 AND principal = $2 AND role = $3`), k.tenant, k.principal, clean(k.role))
			continue
		}
		b.Queue(in(schema, `INSERT INTO {s}.held (tenant, principal, role, granted_by, granted_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, principal, role) DO UPDATE SET granted_by = excluded.granted_by, granted_at = excluded.granted_at, ends_at = excluded.ends_at`),
			k.tenant, k.principal, clean(k.role), clean(c.by), c.at, unset(c.row.Ends))
	}
}

func (t *tenants) flushPolicies(b *pgx.Batch, schema string) {
	for k, c := range t.policies {
		if c.row == nil {
			b.Queue(in(schema, `DELETE FROM {s}.policy WHERE tenant = $1 AND name = $2`), k.tenant, clean(k.name))
			continue
		}
		b.Queue(in(schema, `INSERT INTO {s}.policy (tenant, name, version, text, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, name) DO UPDATE SET version = excluded.version, text = excluded.text, set_by = excluded.set_by, set_at = excluded.set_at`),
			k.tenant, clean(k.name), int64(c.row.Version), clean(c.row.Text), clean(c.by), c.at)
	}
}
