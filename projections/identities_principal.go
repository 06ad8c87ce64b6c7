package projections

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func principalTables() []table {
	return []table{
		{
			name: "principal", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
			kind text NOT NULL, name text NOT NULL, owner text NOT NULL, suspended boolean NOT NULL, reason text NOT NULL,
			revoked_seq bigint NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, seen_at timestamptz`,
			indexes: []string{"(tenant, name, id)"},
		},
		{
			name: "credential", key: "tenant, principal, id", columns: `
			tenant text NOT NULL, principal uuid NOT NULL, id text NOT NULL, type text NOT NULL, name text NOT NULL,
			scopes jsonb, networks jsonb, codes bigint NOT NULL, set_at timestamptz NOT NULL, expires_at timestamptz, used_at timestamptz`,
		},
	}
}

type principalRow struct {
	ownRow
	kind, name, owner, reason string
	suspended                 bool
	revoked                   uint64 // sessions that began before it have ended
	created, seen             time.Time
}

type credentialKey struct {
	tenant    string
	principal uuid.UUID
	id        string
}

// credentialChange is what a batch does to one credential, in this order.
type credentialChange struct {
	removed bool
	set     *identity.Credential
	at      time.Time // when it was set
	used    time.Time
}

// principals keeps the rows of principals and of their credentials.
type principals struct {
	rows        *workset[principalRow]
	changed     []*principalRow
	credentials map[credentialKey]credentialChange
}

func newPrincipals() *principals {
	p := &principals{rows: newWorkset[principalRow](10_000)}
	p.reset()
	return p
}

func (p *principals) takes(e identity.Event) bool {
	_, ok := e.(identity.PrincipalEvent)
	return ok
}

func (p *principals) settle() { p.rows.settle() }

func (p *principals) reset() {
	p.rows.reset()
	p.changed, p.credentials = nil, map[credentialKey]credentialChange{}
}

var errNoPrincipal = errors.New("the principal was never created")

func (p *principals) fold(it *item) error {
	switch it.identity.(type) {
	case identity.CredentialFailed, identity.LockedOut, identity.AccessDenied, identity.TokenRevoked:
		return nil // nothing of them is shown but by the index of events
	}
	r := p.rows.get(it.row())
	if _, ok := it.identity.(identity.PrincipalCreated); ok && r == nil {
		r = &principalRow{ownRow: newRow(it), created: it.Time}
		p.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoPrincipal
	}
	written := r.dirty
	if !r.turn(it) {
		return nil
	}
	if !written {
		p.changed = append(p.changed, r)
	}
	p.detail(r, it)
	return nil
}

func (p *principals) detail(r *principalRow, it *item) {
	switch e := it.identity.(type) {
	case identity.PrincipalCreated:
		r.kind, r.name, r.owner = string(e.Kind), e.Name, e.Owner
	case identity.PrincipalSuspended:
		r.suspended, r.reason, r.revoked = true, e.Reason, it.Seq
	case identity.PrincipalResumed:
		r.suspended, r.reason, r.revoked = false, "", it.Seq
	case identity.TokensRevoked:
		r.revoked = it.Seq
	case identity.CredentialSet:
		p.credential(it, e.ID, func(c *credentialChange) { c.set, c.at = &e.Credential, it.Time })
	case identity.CredentialRemoved:
		p.credential(it, e.Credential, func(c *credentialChange) { *c = credentialChange{removed: true} })
	case identity.CredentialUsed:
		r.seen = it.Time
		p.credential(it, e.Credential, func(c *credentialChange) { c.used = it.Time })
	}
}

func (p *principals) credential(it *item, id string, change func(*credentialChange)) {
	k := credentialKey{it.Entity.Tenant, it.id, id}
	c := p.credentials[k]
	change(&c)
	p.credentials[k] = c
}

func (p *principals) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := p.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadPrincipals), tenants, ids).Query(p.loaded)
	}
}

const loadPrincipals = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.kind, t.name, t.owner, t.suspended, t.reason, t.revoked_seq,
		t.created_at, t.updated_at, t.seen_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.principal t ON t.tenant = k.tenant AND t.id = k.id`

func (p *principals) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &principalRow{}
		var seen *time.Time
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &r.kind, &r.name, &r.owner, &r.suspended, &r.reason, &r.revoked,
			&r.created, &r.updated, &seen); err != nil {
			return err
		}
		r.seen = orZero(seen)
		p.rows.put(r.rowKey, r)
	}
	return rows.Err()
}
