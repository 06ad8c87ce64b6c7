package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain/identity"
)

// Session is one login as the read model knows it.
type Session struct {
	ID          string
	Principal   string
	Name        string // of the principal
	Client      string // program that logged in
	Methods     []string
	Scopes      []string // permissions that it is limited to; none = all of its principal
	Actor       string   // agent that acts for the principal, when it is a delegation
	State       string   // live, expired, ended, reused (a spent refresh token came again) or revoked (with all of its principal)
	Reason      string   // for which it was ended
	StartedAt   time.Time
	RefreshedAt *time.Time
	ExpiresAt   time.Time
	EndedAt     *time.Time
	First       uint64 // sequence of the first event
	Seq         uint64 // of the last event
}

// Invitation is a secret that works once, without the secret.
type Invitation struct {
	ID        string
	Kind      string // human or agent
	Name      string // that the principal will have; empty = the guest chooses
	Owner     string
	Principal string // that exists already and gets a new credential
	Roles     []string
	State     string // open, used, revoked or expired
	Reason    string // for which it was revoked
	IssuedBy  string
	IssuedAt  time.Time
	ExpiresAt time.Time
	UsedBy    string // principal that came by it
	UsedAt    *time.Time
	RevokedAt *time.Time
	First     uint64 // sequence of the first event
	Seq       uint64 // of the last event
}

// Sessions lists a tenant's sessions, the newest first. Those of a principal
// are the filter "principal:<id>".
func (p *Projections) Sessions(ctx context.Context, tenant string, q Query) (Page[Session], error) {
	c := where(tenant)
	state := `CASE WHEN t.outcome <> '' THEN t.outcome WHEN p.suspended OR p.revoked_seq > t.first_seq THEN 'revoked'
		WHEN t.expires_at <= ` + p.moment(c) + ` THEN 'expired' ELSE 'live' END`
	return readPage(ctx, p, q, c, listing[Session]{
		name: "sessions", scope: tenant, order: "t.first_seq DESC",
		from: "{s}.session t LEFT JOIN {s}.principal p ON p.tenant = t.tenant AND p.id = t.principal",
		columns: `t.id::text, t.principal::text, coalesce(p.name, ''), t.client, t.methods, t.scopes, t.actor, ` + state + `, t.reason,
			t.started_at, t.refreshed_at, t.expires_at, t.ended_at, t.first_seq, t.seq`,
		fields: map[string]field{
			"id": {"t.id", asUUID}, "principal": {"t.principal", asUUID}, "name": {"p.name", asText}, "client": {"t.client", asText},
			"method": {"t.methods", asSet}, "actor": {"t.actor", asText}, "state": {state, asText},
			"started": {"t.started_at", asTime}, "expires": {"t.expires_at", asTime}, "ended": {"t.ended_at", asTime},
		},
		after: newest, last: func(s Session) cursor { return cursor{Seq: s.First} },
	})
}

// Invitations lists a tenant's invitations, the newest first.
func (p *Projections) Invitations(ctx context.Context, tenant string, q Query) (Page[Invitation], error) {
	c := where(tenant)
	state := `CASE WHEN t.used_at IS NOT NULL THEN 'used' WHEN t.revoked_at IS NOT NULL THEN 'revoked'
		WHEN t.expires_at <= ` + p.moment(c) + ` THEN 'expired' ELSE 'open' END`
	return readPage(ctx, p, q, c, listing[Invitation]{
		name: "invitations", scope: tenant, order: "t.first_seq DESC", from: "{s}.invitation t",
		columns: `t.id::text, t.kind, t.name, t.owner, t.principal, t.roles, ` + state + `, t.reason, t.issued_by, t.issued_at, t.expires_at,
			t.used_by, t.used_at, t.revoked_at, t.first_seq, t.seq`,
		fields: map[string]field{
			"id": {"t.id", asUUID}, "kind": {"t.kind", asText}, "name": {"t.name", asText}, "owner": {"t.owner", asText},
			"role": {"t.roles", asSet}, "state": {state, asText}, "issuer": {"t.issued_by", asText},
			"issued": {"t.issued_at", asTime}, "expires": {"t.expires_at", asTime},
		},
		after: newest, last: func(i Invitation) cursor { return cursor{Seq: i.First} },
	})
}

// newest continues a list that goes back in the log.
func newest(c *conditions, from cursor) string { return "t.first_seq < " + c.arg(int64(from.Seq)) }

// wholeID reads the id of a principal. What is none is nobody's.
func wholeID(id string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return "", identity.ErrPrincipalNotFound
	}
	return u.String(), nil
}
