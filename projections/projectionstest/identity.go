package projectionstest

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// identities are the entities of kind "identity" of a history: of one tenant
// the principals with their sessions and invitations.
type identities struct {
	tenant      *entity[identity.Tenant]
	principals  []*entity[identity.Principal]
	sessions    []*entity[identity.Session]
	invitations []*entity[identity.Invitation]
	keys        *entity[identity.Keyset]
}

// identityStep decides something about who may act.
func (h *History) identityStep(busy map[string]bool) (step, bool) {
	i := &h.identities
	if i.tenant == nil {
		i.tenant, i.keys = &entity[identity.Tenant]{id: h.id()}, &entity[identity.Keyset]{id: h.id()}
		events, err := i.tenant.state.Create(h.Tenant, "All of it")
		return identityStep(h, busy, i.tenant, identity.Tenant.Apply, events, err)
	}
	if i.tenant.seq == 0 {
		return step{}, false
	}
	switch odds := h.rng.IntN(20); {
	case len(i.principals) < 4 || odds == 0 && len(i.principals) < 12:
		e := &entity[identity.Principal]{id: h.id()}
		i.principals = append(i.principals, e)
		events, err := e.state.Create(domain.Human, fmt.Sprintf("person-%d", len(i.principals)), "")
		return identityStep(h, busy, e, identity.Principal.Apply, events, err)
	case odds < 6:
		return identityStep(h, busy, i.tenant, identity.Tenant.Apply, h.tenantEvents(i.tenant.state), nil)
	case odds < 12:
		e := i.principals[h.rng.IntN(len(i.principals))]
		events, err := h.principalEvents(e)
		return identityStep(h, busy, e, identity.Principal.Apply, events, err)
	case odds < 16:
		return h.sessionStep(busy)
	case odds < 19:
		return h.invitationStep(busy)
	}
	return identityStep(h, busy, i.keys, identity.Keyset.Apply, h.keysetEvents(i.keys.state), nil)
}

// tenantEvents decides several times about the one tenant.
func (h *History) tenantEvents(t identity.Tenant) []identity.TenantEvent {
	var all []identity.TenantEvent
	for range 1 + h.rng.IntN(12) {
		events, err := h.tenantDecision(t)
		if err != nil {
			continue
		}
		for _, e := range events {
			t = t.Apply(e, h.now)
		}
		all = append(all, events...)
	}
	return all
}

// tenantDecision decides about rights. Removing a role, and granting it again
// after it was defined anew, is what read models easily get wrong.
func (h *History) tenantDecision(t identity.Tenant) ([]identity.TenantEvent, error) {
	all := identity.AllRights()
	role := identity.Role{Name: h.pick("night-shift", "release"), Permissions: []string{h.pick("task.*", "agent.read", "event.publish")}}
	grant := identity.Grant{Principal: h.someone(), Role: h.pick(role.Name, identity.RoleViewer, identity.RoleDeveloper)}
	policy := h.pick("quiet-hours", "gpu-only")
	switch h.rng.IntN(10) {
	case 0, 1:
		return t.DefineRole(role, all)
	case 2:
		return t.RemoveRole(role.Name, all)
	case 3, 4, 5:
		var ends time.Time
		if h.rng.IntN(2) == 0 {
			ends = h.now.Add(time.Hour)
		}
		return t.GrantRole(grant, ends, h.now, all)
	case 6:
		return t.RevokeRole(grant, "moved on", h.now, all)
	case 7:
		events, _, err := t.Provide(grant.Principal, "oidc.1", []string{grant.Role}[:h.rng.IntN(2)], h.now)
		return events, err
	case 8:
		if _, known := t.Policies[policy]; known && h.rng.IntN(2) == 0 {
			return t.RemovePolicy(policy)
		}
		return t.SetPolicy(policy, fmt.Sprintf("forbid(principal, action, resource); // %d", h.made))
	}
	if t.Suspended {
		return []identity.TenantEvent{identity.TenantResumed{}}, nil
	}
	return []identity.TenantEvent{identity.TenantSuspended{Reason: "unpaid"}}, nil // the default tenant, too, for once
}

func (h *History) principalEvents(e *entity[identity.Principal]) ([]identity.PrincipalEvent, error) {
	key := identity.Credential{
		ID: h.pick("k1", "k2") + e.id[:8], Type: identity.CredentialAPIKey, Name: "build", Scopes: []string{"task.*"}, Networks: []string{"10.0.0.0/8"},
		Verifier: hex.EncodeToString(make([]byte, 32)), ExpiresAt: h.now.Add(24 * time.Hour),
	}
	switch h.rng.IntN(13) {
	case 12:
		return e.state.SetTeams([]string{h.pick("ops", "dev")})
	case 0:
		return e.state.Suspend("left the house")
	case 1, 2:
		return e.state.Resume()
	case 3, 4:
		return e.state.SetCredential(key, h.now)
	case 6:
		return e.state.RemoveCredential(key.ID, "lost")
	case 5, 7:
		return e.state.UseCredential(key.ID, "somewhere", int64(h.made), h.now)
	case 8:
		return e.state.RevokeTokens("lost laptop")
	case 9:
		return e.state.RevokeToken(h.id(), h.now.Add(time.Minute))
	case 10:
		return []identity.PrincipalEvent{
			identity.CredentialFailed{Of: identity.CredentialPassword}, identity.LockedOut{Until: h.now.Add(time.Minute)},
		}, nil
	}
	return []identity.PrincipalEvent{identity.AccessDenied{Action: "task.submit", Reason: "no role is held here", Count: 3}}, nil
}

func (h *History) keysetEvents(k identity.Keyset) []identity.KeysetEvent {
	for id := range k.Keys {
		if id != k.Current && len(k.Keys) == 2 {
			return []identity.KeysetEvent{identity.KeyRetired{Key: id}}
		}
	}
	return []identity.KeysetEvent{identity.KeyRotated{
		SigningKey: identity.SigningKey{ID: h.id(), Public: "A"}, Previous: k.Current, PreviousTo: h.now.Add(time.Hour),
	}}
}

// someone is a principal that is there already.
func (h *History) someone() string { return h.identities.principals[h.rng.IntN(4)].id }

// identityStep appends events to an entity that is not busy.
func identityStep[S any, E identity.Event](h *History, busy map[string]bool, e *entity[S], apply func(S, E, time.Time) S, events []E, err error) (step, bool) {
	if err != nil || len(events) == 0 || busy[e.id] {
		return step{}, false
	}
	busy[e.id] = true
	c := h.command("admin")
	w := eventstore.Write{Entity: eventstore.Entity{Tenant: h.Tenant, Kind: identity.EntityKind, ID: e.id}, Expect: e.seq}
	for _, ev := range events {
		w.Events = append(w.Events, encode(ev.Type(), identity.Schema, ev))
	}
	return step{eventstore.Decision{Command: c, Writes: []eventstore.Write{w}}, func(seq uint64) {
		for _, ev := range events {
			e.state = apply(e.state, ev, c.Time)
		}
		e.seq = seq
	}}, true
}
