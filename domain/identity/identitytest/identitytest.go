// Package identitytest makes directories for tests that are about something else.
package identitytest

import (
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Super returns a directory, read from no log, in which tenants exist and one
// service of the default tenant may do everything in all of them.
func Super(id string, tenants ...string) *identity.Directory {
	d, at, seq := identity.NewDirectory(), time.Unix(1, 0), uint64(0)
	apply := func(tenant, entity string, e identity.Event) {
		seq++
		d.Apply(tenant, entity, seq, e, at)
	}
	for _, t := range append(tenants, domain.DefaultTenant) {
		apply(t, "tenant-"+t, identity.TenantCreated{Name: t})
	}
	apply(domain.DefaultTenant, id, identity.PrincipalCreated{Kind: domain.Service, Name: "super", Owner: id})
	apply(domain.DefaultTenant, "tenant-"+domain.DefaultTenant, identity.RoleGranted{
		Grant: identity.Grant{Principal: id, Role: identity.RoleSuperAdmin},
	})
	return d
}

// Actor returns the service of Super as it acts in a tenant.
func Actor(id, tenant string) domain.Actor {
	return domain.Actor{Tenant: tenant, Home: domain.DefaultTenant, ID: id, Kind: domain.Service}
}
