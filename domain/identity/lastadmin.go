package identity

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// mayGrant refuses to give a role that holds more than by, and to set an end to
// the last grant of a role of administration.
func (t Tenant) mayGrant(g Grant, expires time.Time, by Rights) error {
	if err := t.mayHandle(g.Role, by); err != nil || expires.IsZero() {
		return err
	}
	return t.keepAdmin(g)
}

// keepAdmin refuses to end a grant of a role of administration that has no end
// when all others of the role have one: they would end by themselves, and
// nobody would be left to give the role again.
func (t Tenant) keepAdmin(g Grant) error {
	held, ok := t.held(g)
	guarded := g.Role == RoleSuperAdmin || g.Role == RoleTenantAdmin && t.Name != domain.DefaultTenant
	if !ok || !guarded || !held.Ends.IsZero() {
		return nil
	}
	for principal := range t.Grants {
		other, ok := t.held(Grant{Principal: principal, Role: g.Role})
		if ok && principal != g.Principal && other.Ends.IsZero() {
			return nil
		}
	}
	return ErrLastAdmin
}
