package identity

import (
	"errors"
	"slices"
	"time"
)

// Provide brings the roles that a provider gives a principal up to date: origin
// is the credential that it knows the principal by, roles are what its claims
// say now. A role that somebody granted is neither given again nor taken, and
// one of another origin stays that one's. left are the roles that cannot be
// given because there is none of the name, or not taken because nobody else
// would hold them.
func (t Tenant) Provide(principal, origin string, roles []string, now time.Time) (events []TenantEvent, left []string, err error) {
	all := AllRights() // whoever configures the provider answers for its map
	for _, role := range roles {
		g := Grant{Principal: principal, Role: role}
		if old, held := t.held(g); held && !expired(old.Ends, now) {
			continue
		}
		granted, err := t.GrantRole(g, time.Time{}, now, all)
		if errors.Is(err, ErrRoleNotFound) {
			left = append(left, role)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for range granted {
			e := RoleProvided{Grant: g, Origin: origin}
			events, t = append(events, e), t.Apply(e, now)
		}
	}
	for _, held := range t.Grants[principal] {
		if held.Origin != origin || slices.Contains(roles, held.Role) {
			continue
		}
		g := Grant{Principal: principal, Role: held.Role}
		revoked, err := t.RevokeRole(g, "the login provider gives it no longer", now, all)
		if errors.Is(err, ErrLastAdmin) {
			left = append(left, held.Role)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, e := range revoked {
			events, t = append(events, e), t.Apply(e, now)
		}
	}
	return events, left, nil
}
