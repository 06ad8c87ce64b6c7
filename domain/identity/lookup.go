package identity

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Tenant returns a tenant by its name.
func (d *Directory) Tenant(name string) (Tenant, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, ok := d.tenants[name]
	return t.Tenant, ok
}

// Tenants returns every tenant, by name.
func (d *Directory) Tenants() []Tenant {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []Tenant
	for _, name := range slices.Sorted(maps.Keys(d.tenants)) {
		all = append(all, d.tenants[name].Tenant)
	}
	return all
}

// Principal returns a principal by its id.
func (d *Directory) Principal(ref Ref) (Principal, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, ok := d.principals[ref]
	return p, ok
}

// PrincipalNamed returns a principal of a tenant by its name.
func (d *Directory) PrincipalNamed(tenant, name string) (Principal, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	id, ok := d.logins[login{tenant, name}]
	return d.principals[Ref{tenant, id}], ok
}

// Teams returns the teams that a principal of a tenant is in, sorted; none for
// one that is not known.
func (d *Directory) Teams(tenant, principal string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.principals[Ref{tenant, principal}].Teams
}

// KeyOwner returns who holds an API key or a key pair, and the credential, by
// the key's id.
func (d *Directory) KeyOwner(id string) (Ref, Credential, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ref, ok := d.keys[id]
	return ref, d.principals[ref].Credentials[id], ok
}

// UseDue reports whether the use of a principal's credential is worth an event
// at now: it has not had one within UsedEvery.
func (d *Directory) UseDue(ref Ref, credential string, now time.Time) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.principals[ref].useDue(credential, now)
}

// CredentialOwner returns who holds a passkey or an account at a provider, and
// the credential, by its id.
func (d *Directory) CredentialOwner(id string) (Ref, Credential, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	ref, ok := d.passkeys[id]
	return ref, d.principals[ref].Credentials[id], ok
}

// Session returns a session whose tokens count at now.
func (d *Directory) Session(id string, now time.Time) (SessionOf, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s, ok := d.sessions[id]
	if !ok || !s.Live(now) {
		return SessionOf{}, false
	}
	ref := Ref{s.Tenant, s.Principal}
	revoked, ever := d.revoked[ref]
	return s, !d.principals[ref].Suspended && (!ever || s.Began > revoked)
}

// SessionsOf returns the ids of a principal's sessions, the oldest first.
func (d *Directory) SessionsOf(ref Ref) []SessionOf {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []SessionOf
	for _, s := range d.sessions {
		if s.Tenant == ref.Tenant && s.Principal == ref.ID {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b SessionOf) int { return cmp.Or(a.StartedAt.Compare(b.StartedAt), strings.Compare(a.ID, b.ID)) })
	return all
}

// TokenRevoked reports whether a principal's token was revoked by its id.
func (d *Directory) TokenRevoked(ref Ref, token string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, revoked := d.principals[ref].Revoked[token]
	return revoked
}

// Invitation returns an invitation that is open.
func (d *Directory) Invitation(id string, now time.Time) (InvitationOf, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	i, ok := d.invitations[id]
	return i, ok && i.Open(now)
}

// Keyset returns the keys that tokens are signed with.
func (d *Directory) Keyset() Keyset {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.keyset
}

// PrincipalsOf returns the principals of a tenant by name.
func (d *Directory) PrincipalsOf(tenant string) []Principal {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []Principal
	for ref, p := range d.principals {
		if ref.Tenant == tenant {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Principal) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// InvitationsOf returns the open invitations of a tenant, the first to expire
// first.
func (d *Directory) InvitationsOf(tenant string, now time.Time) []InvitationOf {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []InvitationOf
	for _, i := range d.invitations {
		if i.Tenant == tenant && i.Open(now) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b InvitationOf) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), strings.Compare(a.ID, b.ID))
	})
	return all
}
