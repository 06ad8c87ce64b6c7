package projections_test

import (
	"context"
	"slices"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/projections"
)

// everything reads all pages of a list, in small ones.
func everything[T any](t fatal, list func(context.Context, projections.Query) (projections.Page[T], error), q projections.Query) []T {
	t.Helper()
	q.Limit = 3
	var all []T
	for {
		page, err := list(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		q.Cursor = page.Next
	}
}

// of binds a list to a tenant.
func of[T any](tenant string, list func(context.Context, string, projections.Query) (projections.Page[T], error)) func(context.Context, projections.Query) (projections.Page[T], error) {
	return func(ctx context.Context, q projections.Query) (projections.Page[T], error) {
		return list(ctx, tenant, q)
	}
}

// asRows returns a directory of what the rows of some tenants say, so that the
// same rules can be asked. after is an event that the rows must have reached.
func (n *nodes) asRows(t fatal, after uint64, tenants map[string]bool) *identity.Directory {
	t.Helper()
	d, seq := identity.NewDirectory(), uint64(0)
	put := func(tenant, entity string, e identity.Event) {
		seq++
		d.Apply(tenant, entity, seq, e, n.clock.now())
	}
	for _, row := range everything(t, n.p.Tenants, projections.Query{After: after}) {
		if !tenants[row.Name] {
			continue
		}
		put(row.Name, "tenant", identity.TenantCreated{Name: row.Name, Title: row.Title})
		if row.Suspended {
			put(row.Name, "tenant", identity.TenantSuspended{})
		}
		for _, r := range everything(t, of(row.Name, n.p.Roles), projections.Query{After: after}) {
			put(row.Name, "tenant", identity.RoleDefined{Role: identity.Role{Name: r.Name, Permissions: r.Permissions}})
		}
		grants := everything(t, of(row.Name, n.p.Grants), projections.Query{After: after})
		slices.SortFunc(grants, func(a, b projections.Grant) int { return a.GrantedAt.Compare(b.GrantedAt) }) // the first that permits is named
		for _, g := range grants {
			e := identity.RoleGranted{Grant: identity.Grant{Principal: g.Principal, Role: g.Role}}
			if g.EndsAt != nil {
				e.ExpiresAt = *g.EndsAt
			}
			put(row.Name, "tenant", e)
		}
		n.putPrincipals(t, row.Name, after, put)
	}
	return d
}

func (n *nodes) putPrincipals(t fatal, tenant string, after uint64, put func(tenant, entity string, e identity.Event)) {
	t.Helper()
	for _, row := range everything(t, of(tenant, n.p.Principals), projections.Query{After: after}) {
		put(tenant, row.ID, identity.PrincipalCreated{Kind: domain.ActorKind(row.Kind), Name: row.Name, Owner: row.Owner})
		if row.Suspended {
			put(tenant, row.ID, identity.PrincipalSuspended{})
		}
		credentials := func(ctx context.Context, q projections.Query) (projections.Page[projections.Credential], error) {
			return n.p.Credentials(ctx, tenant, row.ID, q)
		}
		for _, c := range everything(t, credentials, projections.Query{After: after}) {
			e := identity.CredentialSet{Credential: identity.Credential{ID: c.ID, Type: identity.CredentialType(c.Type), Scopes: c.Scopes, Networks: c.Networks}}
			if c.ExpiresAt != nil {
				e.ExpiresAt = *c.ExpiresAt
			}
			put(tenant, row.ID, e)
		}
	}
}

// liveSessions are the sessions of a tenant that the rows call live.
func (n *nodes) liveSessions(t fatal, tenant string, after uint64) map[string]bool {
	t.Helper()
	live := map[string]bool{}
	for _, s := range everything(t, of(tenant, n.p.Sessions), projections.Query{After: after, Filter: "state:live"}) {
		live[s.ID] = true
	}
	return live
}
