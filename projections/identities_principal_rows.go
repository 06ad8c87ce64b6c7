package projections

import "github.com/jackc/pgx/v5"

func (p *principals) flush(b *pgx.Batch, schema string) {
	for _, r := range p.changed {
		b.Queue(in(schema, upsertPrincipal), r.tenant, r.id, int64(r.firstSeq), int64(r.seq), clean(r.kind), clean(r.name), clean(r.owner),
			r.suspended, clean(r.reason), int64(r.revoked), r.created, r.updated, unset(r.seen))
		r.dirty = false
	}
	p.changed = p.changed[:0]
	for k, c := range p.credentials {
		c.write(b, schema, k)
	}
	clear(p.credentials)
}

const upsertPrincipal = `INSERT INTO {s}.principal AS t (tenant, id, first_seq, seq, kind, name, owner, suspended, reason, revoked_seq,
		created_at, updated_at, seen_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
	ON CONFLICT (tenant, id) DO UPDATE SET seq = excluded.seq, kind = excluded.kind, name = excluded.name, owner = excluded.owner,
		suspended = excluded.suspended, reason = excluded.reason, revoked_seq = excluded.revoked_seq, updated_at = excluded.updated_at,
		seen_at = excluded.seen_at
	WHERE excluded.seq > t.seq`

// write queues what was done to a credential. A credential that is set anew
// keeps when it was used last, as long as it was not removed meanwhile.
func (c credentialChange) write(b *pgx.Batch, schema string, k credentialKey) {
	if c.removed {
		b.Queue(in(schema, `DELETE FROM {s}.credential WHERE tenant = $1 AND principal = $2 AND id = $3`), k.tenant, k.principal, clean(k.id))
	}
	if c.set != nil {
		b.Queue(in(schema, `INSERT INTO {s}.credential (tenant, principal, id, type, name, scopes, networks, codes, set_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb, $8, $9, $10)
			ON CONFLICT (tenant, principal, id) DO UPDATE SET type = excluded.type, name = excluded.name, scopes = excluded.scopes,
				networks = excluded.networks, codes = excluded.codes, set_at = excluded.set_at, expires_at = excluded.expires_at`),
			k.tenant, k.principal, clean(k.id), clean(string(c.set.Type)), clean(c.set.Name), cleaned(c.set.Scopes), cleaned(c.set.Networks),
			int64(len(c.set.Codes)), c.at, unset(c.set.ExpiresAt))
	}
	if !c.used.IsZero() {
		b.Queue(in(schema, `UPDATE {s}.credential SET used_at = $4 WHERE tenant = $1 AND principal = $2 AND id = $3`), k.tenant, k.principal, clean(k.id), c.used)
	}
}
