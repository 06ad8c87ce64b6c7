package commands

import (
	"context"
	"errors"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// RootName is the service that a mesh is born with: a super admin whose key is
// kept on the machine that it was started on.
const RootName = "root"

// noEnd is when a grant ends that has no end.
var noEnd time.Time //nolint:gochecknoglobals // a constant; Go has no constant times

// Bootstrap makes the default tenant and its root service, a super admin, if
// they are not there. With renew, or when it makes root, credential becomes
// root's only key, and changed is true.
func (s *Service) Bootstrap(ctx context.Context, credential identity.Credential, renew bool) (changed bool, err error) {
	id := keyedID("principal", RootName)
	ref := identity.Ref{Tenant: domain.DefaultTenant, ID: id}
	root, known := s.directory.Principal(ref)
	if known && !renew {
		return false, nil
	}
	_, err = s.appendDraft(ctx, s.envelope(system(domain.DefaultTenant), Meta{}), func(d *draft) (string, error) {
		changed = true
		err := s.createRoot(ctx, d, id, root, credential)
		if errors.Is(err, errMade) {
			changed, err = false, nil
			d.parts = nil
		}
		return id, err
	})
	return changed, explain(err)
}

// InviteFirst makes the invitation of the first person, a super admin, in the
// name of root: id and verifier are the invitation's.
func (s *Service) InviteFirst(ctx context.Context, id, verifier string, expires time.Time) error {
	_, err := s.appendDraft(ctx, s.envelope(system(domain.DefaultTenant), Meta{}), func(d *draft) (string, error) {
		return id, add(ctx, d, s.identities.invitations, identityEntity(domain.DefaultTenant, id), func(i identity.Invitation) ([]identity.InvitationEvent, error) {
			return i.Issue(identity.InvitationIssued{
				Kind: domain.Human, Roles: []string{identity.RoleSuperAdmin}, Verifier: verifier,
				IssuedBy: keyedID("principal", RootName), ExpiresAt: expires,
			}, s.now())
		})
	})
	return explain(err)
}

// errMade says that another node was faster.
var errMade = errors.New("made by another node")

func (s *Service) createRoot(ctx context.Context, d *draft, id string, known identity.Principal, credential identity.Credential) error {
	tenant := domain.DefaultTenant
	all := identity.AllRights()
	err := add(ctx, d, s.identities.tenants, tenantEntity(tenant), func(t identity.Tenant) ([]identity.TenantEvent, error) {
		if t.Exists() && !known.Exists() {
			return nil, errMade
		}
		var events []identity.TenantEvent
		if !t.Exists() {
			created, err := t.Create(tenant, "")
			if err != nil {
				return nil, err
			}
			events, t = created, t.Apply(created[0], s.now())
		}
		granted, err := t.GrantRole(identity.Grant{Principal: id, Role: identity.RoleSuperAdmin}, noEnd, s.now(), all)
		return append(events, granted...), err
	})
	if err != nil {
		return err
	}
	if !known.Exists() {
		return s.createWith(ctx, d, tenant, id, NewPrincipal{Kind: domain.Service, Name: RootName, Owner: id}, credential)
	}
	return add(ctx, d, s.identities.principals, identityEntity(tenant, id), func(p identity.Principal) ([]identity.PrincipalEvent, error) {
		events, err := p.Resume()
		if err != nil {
			return nil, err
		}
		for _, old := range p.Of(identity.CredentialAPIKey) {
			events = append(events, identity.CredentialRemoved{Credential: old.ID, Reason: "renewed on the machine of the mesh"})
		}
		p.Suspended, p.Credentials = false, nil
		set, err := p.SetCredential(credential, s.now())
		return append(events, set...), err
	})
}

// createWith adds a principal with a first credential to a draft.
func (s *Service) createWith(ctx context.Context, d *draft, tenant, id string, p NewPrincipal, c identity.Credential) error {
	if err := s.create(ctx, d, tenant, id, p); err != nil {
		return err
	}
	set, err := identity.Principal{ID: id, Kind: p.Kind}.SetCredential(c, s.now())
	if err != nil {
		return err
	}
	encoded, err := encode(identity.Schema, set)
	for i := range d.parts {
		if d.parts[i].entity == identityEntity(tenant, id) {
			d.parts[i].events = append(d.parts[i].events, encoded...)
		}
	}
	return err
}

// RotateKey makes next the key that access tokens are signed with, in place of
// the key after: of two who rotate at once, one gets identity.ErrRotated.
// Tokens of the key before it count for overlap longer.
func (s *Service) RotateKey(ctx context.Context, by domain.Actor, m Meta, after string, next identity.SigningKey, overlap time.Duration) (Result, error) {
	return s.changeKeyset(ctx, by, m, func(k identity.Keyset) ([]identity.KeysetEvent, error) {
		return k.Rotate(after, next, overlap, s.now())
	})
}

// RetireKey refuses the tokens of a key at once.
func (s *Service) RetireKey(ctx context.Context, by domain.Actor, m Meta, id, reason string) (Result, error) {
	return s.changeKeyset(ctx, by, m, func(k identity.Keyset) ([]identity.KeysetEvent, error) {
		return k.Retire(id, reason)
	})
}

func (s *Service) changeKeyset(ctx context.Context, by domain.Actor, m Meta, decide func(identity.Keyset) ([]identity.KeysetEvent, error)) (Result, error) {
	change := func(d *draft) (string, error) {
		id := keyedID("keyset")
		return id, add(ctx, d, s.identities.keysets, identityEntity(domain.DefaultTenant, id), decide)
	}
	if by.Kind == domain.System { // at the start nobody follows the log yet
		began := s.now()
		res, err := s.appendDraft(ctx, s.envelope(by, m), change)
		return res, s.ended("key.rotate", began, err)
	}
	return s.changeIdentity(ctx, by, "key.rotate", m, identity.Resource{Kind: "key"}, change)
}

// retry does what conflicts may spoil again, up to eight times.
func retry(do func() (Result, error)) (Result, error) {
	var conflict *eventstore.ConflictError
	var err error
	for range 8 {
		var res Result
		if res, err = do(); !errors.As(err, &conflict) {
			return res, err
		}
	}
	return Result{}, err
}
