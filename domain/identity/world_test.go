package identity_test

import (
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// world is a directory that grows by one event a call, all at minute 1.
type world struct {
	*identity.Directory
	seq uint64
}

// newWorld returns one with the tenants default, acme and beta.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Directory: identity.NewDirectory()}
	for _, name := range []string{domain.DefaultTenant, "acme", "beta"} {
		w.apply(name, "tenant-"+name, identity.TenantCreated{Name: name})
	}
	return w
}

func (w *world) apply(tenant, id string, e identity.Event) (identity.Ref, bool) {
	w.seq++
	return w.Apply(tenant, id, w.seq, e, instant(1))
}

func (w *world) tenant(tenant string, events ...identity.TenantEvent) {
	for _, e := range events {
		w.apply(tenant, "tenant-"+tenant, e)
	}
}

// person makes a principal with roles for good.
func (w *world) person(tenant, id string, kind domain.ActorKind, roles ...string) {
	w.apply(tenant, id, identity.PrincipalCreated{Kind: kind, Name: id})
	for _, role := range roles {
		w.tenant(tenant, granted(id, role, time.Time{}))
	}
}

func (w *world) distrust(tenant, id string) {
	w.seq++
	w.Distrust(tenant, id, w.seq)
}
