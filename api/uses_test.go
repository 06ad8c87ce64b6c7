package api_test

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// usesOf returns how often the log says that a principal's key was used.
func usesOf(t *testing.T, m *apitest.Mesh, key string) int {
	t.Helper()
	rs, err := m.Store.History(t.Context(), eventstore.Entity{Tenant: domain.DefaultTenant, Kind: identity.EntityKind, ID: m.Root}, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, r := range rs {
		e, err := identity.Decode(r.Type, r.Schema, r.Data)
		if err != nil {
			t.Fatal(err)
		}
		if used, ok := e.(identity.CredentialUsed); ok && used.Credential == key {
			count++
			if used.Source == "" {
				t.Error("the use does not say from where")
			}
		}
	}
	return count
}

// However often a key is used, and from however many addresses, the log says
// it once an hour, and the keys of a principal show when.
func TestUsesOfAKeyAreToldOnce(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	ctx := t.Context()
	var keys []client.NewKey
	for range 2 {
		k, err := m.Client.CreateKey(ctx, "me", client.KeyRequest{Name: "busy"})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	busy, next := keys[0], keys[1]
	const goroutines, each = 8, 1250
	spend := func() {
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				for i := range each {
					if _, err := m.Auth.Authenticate(busy.Key, netip.AddrFrom4([4]byte{10, byte(g), byte(i >> 8), byte(i)})); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	spend()
	apitest.Eventually(t, func() bool { return usesOf(t, m, busy.ID) > 0 })
	spend()
	// Uses are written one after another: with this one in the log, no other
	// of the first key is on its way.
	if _, err := m.NewClient(t, next.Key).WhoAmI(ctx); err != nil {
		t.Fatal(err)
	}
	apitest.Eventually(t, func() bool { return usesOf(t, m, next.ID) > 0 })
	if got := usesOf(t, m, busy.ID); got != 1 {
		t.Errorf("%d uses are in the log", got)
	}
	p, err := m.Client.Principal(ctx, "me")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Credentials {
		if c.ID == busy.ID && c.LastUsed == nil {
			t.Error("the key does not say when it was used last")
		}
	}
}
