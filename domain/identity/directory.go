package identity

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/domain"
)

// Directory is the fold of every event of this package, as far as one node has
// read the log. It is safe for concurrent use; what it returns may be kept and
// must not be changed.
type Directory struct {
	mu          sync.RWMutex
	seq         uint64        // of the last event that is in it
	grown       chan struct{} // closed when seq moves
	tenants     map[string]tenantEntry
	principals  map[Ref]Principal
	sessions    map[string]SessionOf
	invitations map[string]InvitationOf
	revoked     map[Ref]uint64 // how far the log had been read when all sessions of a principal were revoked
	sweepAt     int            // number of sessions at which those that expired are forgotten
	keyset      Keyset
	keysetID    string
	logins      map[login]string // principal ids
	keys        map[string]Ref   // owners of API keys, by the key's id
	passkeys    map[string]Ref   // owners of other credentials that name themselves, by id
	builtins    map[string]roleRights
	distrusted  map[string]bool // tenants, and principals as tenant/id, with events that this binary cannot read
}

// Ref names a principal.
type Ref struct{ Tenant, ID string }

// SessionOf is a session and the tenant that it belongs to.
type SessionOf struct {
	Tenant string
	Session
	Began uint64 // how far the log had been read when it started
}

// InvitationOf is an invitation and the tenant that it opens.
type InvitationOf struct {
	Tenant string
	Invitation
}

type login struct{ tenant, name string }

// tenantEntry is a tenant and what its custom roles permit.
type tenantEntry struct {
	Tenant
	roles map[string]Rights
}

// roleRights is what a built-in role permits, in its own tenant and beyond.
type roleRights struct{ here, wide Rights }

// NewDirectory returns an empty Directory, in which nobody may do anything.
func NewDirectory() *Directory {
	d := &Directory{
		grown: make(chan struct{}), tenants: map[string]tenantEntry{}, principals: map[Ref]Principal{},
		sessions: map[string]SessionOf{}, invitations: map[string]InvitationOf{}, revoked: map[Ref]uint64{},
		logins: map[login]string{}, keys: map[string]Ref{}, passkeys: map[string]Ref{}, builtins: map[string]roleRights{},
		distrusted: map[string]bool{},
	}
	for _, r := range BuiltinRoles() {
		d.builtins[r.Name] = roleRights{here: rightsOf(r.Permissions, false), wide: rightsOf(r.Permissions, true)}
	}
	return d
}

// Apply takes in the event at a sequence, of the entity id of a tenant. Events
// come in the order of the log; one that is in it already changes nothing. When
// the event takes something from a principal that it may hold open, restricted
// is true and who says which; without an ID it is everybody in the tenant.
func (d *Directory) Apply(tenant, id string, seq uint64, e Event, at time.Time) (who Ref, restricted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq <= d.seq {
		return Ref{}, false
	}
	who, restricted = d.restricts(tenant, id, e)
	switch e := e.(type) {
	case TenantEvent:
		d.applyTenant(tenant, e, at)
	case PrincipalEvent:
		d.applyPrincipal(Ref{Tenant: tenant, ID: id}, e, at)
	case SessionEvent:
		d.applySession(tenant, id, e, at)
	case InvitationEvent:
		d.applyInvitation(tenant, id, e, at)
	case KeysetEvent:
		d.keyset, d.keysetID = d.keyset.Apply(e, at), id
	}
	d.reach(seq)
	return who, restricted
}

// restricts says from whom an event takes something.
func (d *Directory) restricts(tenant, id string, e Event) (Ref, bool) {
	switch e := e.(type) {
	case TenantSuspended, RoleRemoved, PolicySet, PolicyRemoved, KeyRetired:
		return Ref{Tenant: tenant}, true
	case RoleDefined:
		_, known := d.tenants[tenant].roles[e.Name]
		return Ref{Tenant: tenant}, known // it may permit less than before
	case RoleGranted:
		_, held := d.tenants[tenant].held(e.Grant)
		return Ref{Tenant: tenant, ID: e.Principal}, held // it may end earlier than before
	case CredentialSet:
		old, known := d.principals[Ref{tenant, id}].Credentials[e.ID]
		return Ref{Tenant: tenant, ID: id}, known && !old.sameLimits(e.Credential)
	case TeamsSet:
		return Ref{Tenant: tenant, ID: id}, slices.ContainsFunc(d.principals[Ref{tenant, id}].Teams, func(team string) bool {
			return !slices.Contains(e.Teams, team)
		})
	case RoleRevoked:
		return Ref{Tenant: tenant, ID: e.Principal}, true
	case PrincipalSuspended, CredentialRemoved, TokensRevoked, TokenRevoked:
		return Ref{Tenant: tenant, ID: id}, true
	case SessionEnded, ReuseDetected:
		s := d.sessions[id]
		if s.Actor != "" {
			return Ref{Tenant: tenant, ID: s.Actor}, true
		}
		return Ref{Tenant: tenant, ID: s.Principal}, s.Principal != "" // one that is over holds nothing open
	}
	return Ref{}, false
}

func (d *Directory) reach(seq uint64) {
	d.seq = seq
	close(d.grown)
	d.grown = make(chan struct{})
}

// Distrust takes in that the entity id of a tenant has an event at a sequence
// that this binary cannot read. It may be a restriction, so that whoever it is
// about may do nothing here: the principal, if it is one, else the tenant. If it
// is about the keys, no token counts until a key follows.
func (d *Directory) Distrust(tenant, id string, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq <= d.seq {
		return
	}
	if id == d.keysetID {
		d.keyset = Keyset{}
	}
	_, session := d.sessions[id]
	_, invitation := d.invitations[id]
	switch _, principal := d.principals[Ref{tenant, id}]; {
	case principal:
		d.distrusted[tenant+"/"+id] = true
	case session:
		delete(d.sessions, id)
	case invitation:
		delete(d.invitations, id)
	default:
		d.distrusted[tenant] = true
	}
	d.reach(seq)
}

// Await returns when the Directory has reached a sequence, or ctx's error.
func (d *Directory) Await(ctx context.Context, seq uint64) error {
	for {
		d.mu.RLock()
		reached, grown := d.seq >= seq, d.grown
		d.mu.RUnlock()
		if reached {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Seq returns how far the Directory has read.
func (d *Directory) Seq() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.seq
}

func (d *Directory) applyTenant(name string, e TenantEvent, at time.Time) {
	entry := d.tenants[name]
	entry.Tenant = entry.Apply(e, at)
	switch e := e.(type) {
	case RoleDefined:
		entry.roles = with(entry.roles, e.Name, rightsOf(e.Permissions, name == domain.DefaultTenant))
	case RoleRemoved:
		entry.roles = without(entry.roles, e.Role)
	}
	d.tenants[name] = entry
}

func (d *Directory) applyPrincipal(ref Ref, e PrincipalEvent, at time.Time) {
	p := d.principals[ref]
	p.ID = ref.ID
	p = p.Apply(e, at)
	d.principals[ref] = p
	d.revoke(ref, e)
	switch e := e.(type) {
	case PrincipalCreated:
		d.logins[login{ref.Tenant, p.Name}] = ref.ID
	case CredentialSet:
		unindex(d.keys, e.ID, ref) // it may have been of another type
		unindex(d.passkeys, e.ID, ref)
		d.index(e.Credential, ref)
	case CredentialRemoved:
		unindex(d.keys, e.Credential, ref)
		unindex(d.passkeys, e.Credential, ref)
	}
}

// index makes a credential findable by what its bearer presents. An id that is
// another principal's stays that one's: nobody takes over a way in by naming it
// .
func (d *Directory) index(c Credential, ref Ref) {
	owners := d.passkeys
	switch c.Type {
	case CredentialPassword, CredentialTOTP, CredentialRecovery:
		return
	case CredentialAPIKey, CredentialKeyPair:
		owners = d.keys
	case CredentialPasskey, CredentialOIDC:
	}
	if _, taken := owners[c.ID]; !taken {
		owners[c.ID] = ref
	}
}

// unindex forgets a credential's id if it is the principal's.
func unindex(owners map[string]Ref, id string, ref Ref) {
	if owners[id] == ref {
		delete(owners, id)
	}
}

func (d *Directory) applySession(tenant, id string, e SessionEvent, at time.Time) {
	s := d.sessions[id]
	s.Tenant, s.ID = tenant, id
	s.Session = s.Apply(e, at)
	if !s.Live(at) {
		delete(d.sessions, id)
		return
	}
	if _, started := e.(SessionStarted); started {
		s.Began = d.seq
	}
	d.sessions[id] = s
	d.sweep(at)
}

func (d *Directory) applyInvitation(tenant, id string, e InvitationEvent, at time.Time) {
	i := d.invitations[id]
	i.Tenant, i.ID = tenant, id
	i.Invitation = i.Apply(e, at)
	if !i.Open(at) {
		delete(d.invitations, id)
		return
	}
	d.invitations[id] = i
}
