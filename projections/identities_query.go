package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain/identity"
)

// Principal is a person, an agent or a service as the read model knows it.
type Principal struct {
	ID         string
	Kind       string // human, agent or service
	Name       string
	Owner      string // principal that answers for it; empty for a person
	Suspended  bool
	Reason     string   // of the suspension
	Roles      []string // that it holds now, by grants
	CreatedAt  time.Time
	UpdatedAt  time.Time
	SeenAt     *time.Time // a credential let it in; told at most once an hour
	Seq        uint64     // of the last event
	Incomplete bool       // an event of this principal is parked
}

// Credential is a way in, without anything that lets anybody in.
type Credential struct {
	ID        string
	Type      string // such as "api_key"
	Name      string
	Scopes    []string // permissions that it is limited to; none = all of its principal
	Networks  []string // CIDRs that it works from; none = everywhere
	Codes     int      // recovery codes that are left
	SetAt     time.Time
	ExpiresAt *time.Time
	UsedAt    *time.Time // told at most once an hour
}

const principalColumns = `t.id::text, t.kind, t.name, t.owner, t.suspended, t.reason, ARRAY(%[1]s), t.created_at, t.updated_at, t.seen_at, t.seq,
	EXISTS (SELECT FROM projection_parked p JOIN projection_live l ON l.name = p.name AND l.version = p.version
		AND l.generation = p.generation WHERE p.name = 'identities' AND p.key = t.tenant || '/identity/' || t.id)`

// rolesHeld selects the roles of a principal t at a moment.
func rolesHeld(now string) string {
	return fmt.Sprintf(`SELECT h.role FROM {s}.held h WHERE h.tenant = t.tenant AND h.principal = t.id
		AND (h.ends_at IS NULL OR h.ends_at > %s) ORDER BY h.role`, now)
}

// Principals lists a tenant's principals by name.
func (p *Projections) Principals(ctx context.Context, tenant string, q Query) (Page[Principal], error) {
	c := where(tenant)
	roles := rolesHeld(p.moment(c))
	return readPage(ctx, p, q, c, listing[Principal]{
		name: "principals", scope: tenant, columns: fmt.Sprintf(principalColumns, roles), from: "{s}.principal t", order: "t.name, t.id",
		fields: map[string]field{
			"id": {"t.id", asUUID}, "name": {"t.name", asText}, "kind": {"t.kind", asText}, "owner": {"t.owner", asText},
			"suspended": {"t.suspended", asFlag}, "role": {"to_jsonb(ARRAY(" + roles + "))", asSet},
			"created": {"t.created_at", asTime}, "updated": {"t.updated_at", asTime}, "seen": {"t.seen_at", asTime},
		},
		after: func(c *conditions, from cursor) string {
			return fmt.Sprintf("(t.name, t.id) > (%s::text, %s::uuid)", c.arg(from.Text), c.arg(from.ID))
		},
		last: func(p Principal) cursor { return cursor{Text: p.Name, ID: p.ID} },
	})
}

// Principal returns one principal by its name, by its id, or by the beginning
// of its id, after the read model has reached the event after. It fails with
// identity.ErrPrincipalNotFound, and with Conflict when several begin so.
func (p *Projections) Principal(ctx context.Context, tenant, idOrPrefixOrName string, after uint64) (Principal, error) {
	find := func(after uint64, condition string, args ...any) ([]Principal, error) {
		c := where(tenant)
		columns := fmt.Sprintf(principalColumns, rolesHeld(p.moment(c)))
		for i := range args {
			args[i] = c.arg(args[i])
		}
		found, _, err := readRows[Principal](ctx, p, after, "SELECT "+columns+" FROM {s}.principal t WHERE "+c.String()+" AND "+fmt.Sprintf(condition, args...), c.args)
		return found, err
	}
	found, err := find(after, "t.name = %s ORDER BY t.seq DESC LIMIT 1", clean(idOrPrefixOrName))
	if err != nil || len(found) > 0 {
		return single(found, err, idOrPrefixOrName, identity.ErrPrincipalNotFound)
	}
	low, high, err := idRange(idOrPrefixOrName, identity.ErrPrincipalNotFound)
	if err != nil {
		return Principal{}, err
	}
	found, err = find(0, "t.id BETWEEN %s::uuid AND %s::uuid ORDER BY t.id LIMIT 2", low, high)
	return single(found, err, idOrPrefixOrName, identity.ErrPrincipalNotFound)
}

// Credentials lists the credentials of a principal, given by its whole id, by
// their ids. A principal that is not there has none.
func (p *Projections) Credentials(ctx context.Context, tenant, principal string, q Query) (Page[Credential], error) {
	c := where(tenant)
	id, err := wholeID(principal)
	if err != nil {
		return Page[Credential]{}, err
	}
	c.sql = append(c.sql, "t.principal = "+c.arg(id))
	return readPage(ctx, p, q, c, listing[Credential]{
		name: "credentials", scope: tenant + "/" + id, from: "{s}.credential t", order: "t.id",
		columns: "t.id, t.type, t.name, t.scopes, t.networks, t.codes, t.set_at, t.expires_at, t.used_at",
		fields: map[string]field{
			"id": {"t.id", asText}, "type": {"t.type", asText}, "name": {"t.name", asText}, "scope": {"t.scopes", asSet},
			"set": {"t.set_at", asTime}, "expires": {"t.expires_at", asTime}, "used": {"t.used_at", asTime},
		},
		after: func(c *conditions, from cursor) string { return "t.id > " + c.arg(from.Text) + "::text" },
		last:  func(c Credential) cursor { return cursor{Text: c.ID} },
	})
}
