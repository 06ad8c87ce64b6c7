package projections

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain/identity"
)

func invitationTables() []table {
	return []table{{
		name: "invitation", key: "tenant, id", columns: `
			tenant text NOT NULL, id uuid NOT NULL, first_seq bigint NOT NULL, seq bigint NOT NULL,
			kind text NOT NULL, name text NOT NULL, owner text NOT NULL, principal text NOT NULL, roles jsonb, issued_by text NOT NULL,
			issued_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, used_by text NOT NULL, used_at timestamptz,
			revoked_at timestamptz, reason text NOT NULL, updated_at timestamptz NOT NULL`,
		indexes: []string{"(tenant, first_seq)"},
	}}
}

// invitationRow is a row of the invitation table. What never changes is there
// only until it has been written.
type invitationRow struct {
	ownRow
	issue                 identity.InvitationIssued
	issued, used, revoked time.Time
	usedBy, reason        string
	fresh                 bool
}

// invitations keeps the rows of invitations.
type invitations struct {
	rows    *workset[invitationRow]
	changed []*invitationRow
}

func newInvitations() *invitations { return &invitations{rows: newWorkset[invitationRow](2_000)} }

func (i *invitations) takes(e identity.Event) bool {
	_, ok := e.(identity.InvitationEvent)
	return ok
}

func (i *invitations) settle() { i.rows.settle() }

func (i *invitations) reset() {
	i.rows.reset()
	i.changed = nil
}

var errNoInvitation = errors.New("the invitation was never issued")

func (i *invitations) fold(it *item) error {
	r := i.rows.get(it.row())
	if e, ok := it.identity.(identity.InvitationIssued); ok && r == nil {
		r = &invitationRow{ownRow: newRow(it), issue: e, issued: it.Time, fresh: true}
		i.rows.put(r.rowKey, r)
	}
	if r == nil {
		return errNoInvitation
	}
	written := r.dirty
	if !r.turn(it) {
		return nil
	}
	if !written {
		i.changed = append(i.changed, r)
	}
	switch e := it.identity.(type) {
	case identity.InvitationUsed:
		r.usedBy, r.used = e.Principal, it.Time
	case identity.InvitationRevoked:
		r.revoked, r.reason = it.Time, e.Reason
	}
	return nil
}

func (i *invitations) load(b *pgx.Batch, schema string, items []*item) {
	if tenants, ids := i.rows.missing(items); len(ids) > 0 {
		b.Queue(in(schema, loadInvitations), tenants, ids).Query(i.loaded)
	}
}

const loadInvitations = `SELECT t.tenant, t.id, t.first_seq, t.seq, t.used_by, t.used_at, t.revoked_at, t.reason, t.updated_at
	FROM unnest($1::text[], $2::uuid[]) AS k(tenant, id) JOIN {s}.invitation t ON t.tenant = k.tenant AND t.id = k.id`

func (i *invitations) loaded(rows pgx.Rows) error {
	for rows.Next() {
		r := &invitationRow{}
		var used, revoked *time.Time
		if err := rows.Scan(&r.tenant, &r.id, &r.firstSeq, &r.seq, &r.usedBy, &used, &revoked, &r.reason, &r.updated); err != nil {
			return err
		}
		r.used, r.revoked = orZero(used), orZero(revoked)
		i.rows.put(r.rowKey, r)
	}
	return rows.Err()
}

func (i *invitations) flush(b *pgx.Batch, schema string) {
	for _, r := range i.changed {
		if r.fresh {
			b.Queue(in(schema, insertInvitation), r.tenant, r.id, int64(r.firstSeq), int64(r.seq), clean(string(r.issue.Kind)), clean(r.issue.Name),
				clean(r.issue.Owner), clean(r.issue.Principal), cleaned(r.issue.Roles), clean(r.issue.IssuedBy), r.issued, r.issue.ExpiresAt,
				clean(r.usedBy), unset(r.used), unset(r.revoked), clean(r.reason), r.updated)
		} else {
			b.Queue(in(schema, `UPDATE {s}.invitation SET seq = $3, used_by = $4, used_at = $5, revoked_at = $6, reason = $7, updated_at = $8
				WHERE tenant = $1 AND id = $2 AND seq < $3`),
				r.tenant, r.id, int64(r.seq), clean(r.usedBy), unset(r.used), unset(r.revoked), clean(r.reason), r.updated)
		}
		r.fresh, r.dirty, r.issue = false, false, identity.InvitationIssued{}
	}
	i.changed = i.changed[:0]
}

const insertInvitation = `INSERT INTO {s}.invitation (tenant, id, first_seq, seq, kind, name, owner, principal, roles, issued_by, issued_at, expires_at,
		used_by, used_at, revoked_at, reason, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10, $11, $12, $13, $14, $15, $16, $17)
	ON CONFLICT DO NOTHING`
