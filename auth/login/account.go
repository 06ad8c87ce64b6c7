package login

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

const maxSubject = 255 // bytes (OpenID Connect Core, section 2)

// credential is the way in of an account there.
func (p provider) credential(who oidc.Identity) identity.Credential {
	return identity.Credential{ID: who.CredentialID(), Type: identity.CredentialOIDC, Name: p.cfg.Name, Public: who.Public()}
}

// LinkAccount gives a person of the actor's tenant a way in: the account that
// has a subject at a provider of that tenant. It is for those who may set
// credentials; an account that is somebody's is refused with code account_taken.
func (s *Service) LinkAccount(ctx context.Context, by domain.Actor, m commands.Meta, principal, name, subject string) (commands.Result, error) {
	if err := s.cfg.Commands.Authorise(by, "credential.manage", identity.Resource{Kind: "principal", ID: principal}); err != nil {
		return commands.Result{}, err
	}
	p, ok := s.providers[name]
	if !ok || p.cfg.Tenant != by.Tenant {
		return commands.Result{}, errNoProvider()
	}
	if err := domain.CheckText("subject", subject, maxSubject); err != nil || subject == "" {
		return commands.Result{}, domain.InvalidField("subject", "is not the id of an account")
	}
	if in, _ := s.cfg.Directory.Principal(identity.Ref{Tenant: by.Tenant, ID: principal}); in.Kind != domain.Human {
		return commands.Result{}, domain.InvalidField("principal", "only a person has an account at a login provider")
	}
	who := oidc.Identity{Tenant: p.cfg.Tenant, Issuer: p.cfg.Issuer, Subject: subject}
	return s.cfg.Commands.LinkAccount(ctx, by, m, principal, p.credential(who), p.cfg.everyRole())
}

// admitAccount returns the principal of an account, making one where that is
// allowed. Nothing but the account finds it: whatever else the provider says of
// the person may be theirs to choose.
func (s *Service) admitAccount(ctx context.Context, p provider, who oidc.Identity, from netip.Addr) (domain.Actor, error) {
	account := commands.Account{Credential: p.credential(who), Roles: who.Roles, Source: s.source(from)}
	ref, c, known := s.cfg.Directory.CredentialOwner(account.Credential.ID)
	if !known {
		return s.signUp(ctx, p, who, account)
	}
	by := domain.Actor{Tenant: ref.Tenant, ID: ref.ID, Kind: domain.Human}
	if in, _ := s.cfg.Directory.Principal(ref); in.Kind != domain.Human || ref.Tenant != who.Tenant || c.Type != identity.CredentialOIDC || c.Public != who.Public() {
		return by, errAccount(p, who)
	}
	if err := s.cfg.Commands.Authorise(by, identity.ActionOwn, identity.Resource{}); err != nil {
		return by, err
	}
	left, err := s.cfg.Commands.UseAccount(ctx, by, commands.Meta{}, account)
	s.tellLeft(p, by.ID, left)
	return by, err
}

func (s *Service) signUp(ctx context.Context, p provider, who oidc.Identity, account commands.Account) (domain.Actor, error) {
	by := domain.Actor{Tenant: who.Tenant, Kind: domain.Human}
	if !p.cfg.SignUp {
		return by, errAccount(p, who)
	}
	account.Name = accountName(who.Name)
	if _, taken := s.cfg.Directory.PrincipalNamed(who.Tenant, account.Name); taken || account.Name == "" {
		account.Name = accountName(fmt.Sprintf("%.50s-%s", account.Name, account.Credential.ID[len("oidc."):len("oidc.")+8]))
	}
	res, left, err := s.cfg.Commands.SignUp(ctx, commands.Meta{}, who.Tenant, account)
	by.ID = res.ID
	s.tellLeft(p, by.ID, left)
	return by, err
}

// tellLeft logs what the provider says about roles and was not done.
func (s *Service) tellLeft(p provider, principal string, left []string) {
	if len(left) > 0 {
		s.cfg.Log.Warn().Str("provider", p.cfg.Name).Str("principal", principal).Strs("roles", left).
			Msg("roles stay as they are: there is none of the name, or nobody else holds it")
	}
}

// accountName makes a name of what a provider calls a person: what cannot stand
// in a name becomes a dash.
func accountName(s string) string {
	name := strings.Map(func(r rune) rune {
		if domain.ValidName("x" + string(r)) {
			return r
		}
		return '-'
	}, s)
	name = strings.TrimLeft(name, "._/:-")
	return name[:min(len(name), identity.MaxName)]
}

func errAccount(p provider, who oidc.Identity) error {
	return &domain.Error{
		Kind: domain.Denied, Code: "account_unknown",
		Message: fmt.Sprintf("nobody in the tenant %s has the account %.255q of the provider %s; an admin has to link it (mesh principal link NAME --provider %[3]s --subject ACCOUNT) or to allow sign-up for the provider", who.Tenant, who.Subject, p.cfg.Name),
	}
}
