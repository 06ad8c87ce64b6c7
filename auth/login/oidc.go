package login

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

const maxSubject = 255 // bytes (OpenID Connect Core, section 2)

// callbackPath is where providers send browsers back to.
const callbackPath = "/v1/auth/oidc/callback"

// A browser that is at a provider waits under "oidc.<ticket>", and one whose
// person is asked about a program under "consent.<ticket>".
const (
	atProvider = "oidc."
	atConsent  = "consent."
)

// ProviderConfig is a login provider and what it opens.
type ProviderConfig struct {
	oidc.Config
	SignUp bool // whoever has an account there may come in, and becomes a principal
}

// provider is one as the mesh uses it.
type provider struct {
	*oidc.Provider
	cfg ProviderConfig
}

// credential is the way in of an account there.
func (p provider) credential(who oidc.Identity) identity.Credential {
	return identity.Credential{ID: who.CredentialID(), Type: identity.CredentialOIDC, Name: p.cfg.Name, Public: who.Public()}
}

// visitAtProvider is a browser that has been sent to a provider.
type visitAtProvider struct {
	State oidc.State `json:"state"`
	User  string     `json:"user,omitempty"` // code of the program that waits
}

// consent is a question that a person is being asked.
type consent struct {
	Person identity.Ref `json:"person"`
	User   string       `json:"user"`
}

// Arrival is a person who has logged in at a provider.
type Arrival struct {
	Name     string
	Tenant   string
	Provider string
	// Of the program that waits for them, if one does. Consent lets it in, once.
	Program, UserCode, Consent string
}

// openProviders makes the providers, and asks none of them anything yet.
func openProviders(configs []ProviderConfig) (map[string]provider, error) {
	all := make(map[string]provider, len(configs))
	for _, c := range configs {
		if _, twice := all[c.Name]; twice || !domain.ValidTenant(c.Name) { // it is part of a path
			return nil, domain.InvalidField("name", "%.64q is given twice, or is not lower-case letters, digits and dashes", c.Name)
		}
		p, err := oidc.New(c.Config, oidc.Env{})
		if err != nil {
			return nil, fmt.Errorf("login provider %s: %w", c.Name, err)
		}
		all[c.Name] = provider{p, c}
	}
	return all, nil
}

// TicketLife is how long a ticket of BeginOIDC serves.
const TicketLife = pendingLife

// Secure reports whether browsers reach the mesh by https alone.
func (s *Service) Secure() bool { return strings.HasPrefix(s.cfg.PublicURL, "https://") }

// Providers returns the names of the login providers.
func (s *Service) Providers() []string {
	names := make([]string, 0, len(s.providers))
	for name := range s.providers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// BeginOIDC returns where a browser is to go to log in at a provider, and the
// ticket that it has to bring back, which nobody else must see. userCode is of
// the program that waits for the login, or empty. It fails with code
// provider_not_found, and as oidc.Provider.Begin does.
func (s *Service) BeginOIDC(ctx context.Context, name, userCode string) (to, ticket string, err error) {
	p, ok := s.providers[name]
	if !ok {
		return "", "", errNoProvider()
	}
	v := visitAtProvider{}
	if userCode != "" {
		if v.User, ok = parseUserCode(userCode); !ok {
			return "", "", errUserCode()
		}
	}
	if to, v.State, err = p.Begin(ctx, s.cfg.PublicURL+callbackPath); err != nil {
		return "", "", err
	}
	ticket, err = s.keep(ctx, atProvider, v)
	return to, ticket, err
}

// FinishOIDC finds out who comes back from a provider, with the ticket of their
// browser and the query that the provider sent. The ticket is spent, whatever
// comes of it. It fails with code oidc_failed for an answer that does not fit,
// account_unknown for somebody whom nothing here belongs to.
func (s *Service) FinishOIDC(ctx context.Context, ticket string, query url.Values, from netip.Addr) (Arrival, error) {
	var v visitAtProvider
	if err := s.spend(ctx, atProvider, ticket, &v); err != nil {
		return Arrival{}, err
	}
	p, ok := s.providers[v.State.Provider]
	if !ok {
		return Arrival{}, errTicket()
	}
	who, err := p.Finish(ctx, v.State, query)
	if err != nil {
		s.cfg.Log.Warn().AnErr("cause", errors.Unwrap(err)).Str("provider", p.cfg.Name).Msg("a login at a provider failed")
		return Arrival{}, err
	}
	by, err := s.admitAccount(ctx, p, who, from)
	if err != nil {
		return Arrival{}, err
	}
	in, _ := s.cfg.Directory.Principal(identity.Ref{Tenant: by.Tenant, ID: by.ID})
	a := Arrival{Name: in.Name, Tenant: by.Tenant, Provider: p.cfg.Name}
	if v.User == "" {
		return a, nil
	}
	return s.askConsent(ctx, a, by, v.User)
}

// askConsent prepares the question whether a program is to be let in.
func (s *Service) askConsent(ctx context.Context, a Arrival, by domain.Actor, user string) (Arrival, error) {
	waiting, _, err := s.waiting(ctx, user)
	if err != nil {
		return Arrival{}, err
	}
	a.Program, a.UserCode = waiting.Client, showUserCode(user)
	a.Consent, err = s.keep(ctx, atConsent, consent{Person: identity.Ref{Tenant: by.Tenant, ID: by.ID}, User: user})
	return a, err
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
	return s.cfg.Commands.LinkAccount(ctx, by, m, principal, p.credential(who), slices.Concat(slices.Collect(maps.Values(p.cfg.Roles))...))
}

// Consent lets in the program that a person was asked about, once, and returns
// its name.
func (s *Service) Consent(ctx context.Context, ticket string) (program string, err error) {
	var c consent
	if err := s.spend(ctx, atConsent, ticket, &c); err != nil {
		return "", err
	}
	p, _ := s.cfg.Directory.Principal(c.Person)
	return s.approve(ctx, domain.Actor{Tenant: c.Person.Tenant, ID: c.Person.ID, Kind: p.Kind}, c.User, "oidc")
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

// keep keeps a value for pendingLife and returns the ticket that finds it.
func (s *Service) keep(ctx context.Context, kind string, value any) (ticket string, err error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode login: %w", err)
	}
	ticket = rand.Text()
	if _, err := s.cfg.Pending.Create(ctx, kind+ticket, data); err != nil {
		return "", errPending(err)
	}
	return ticket, nil
}

// spend reads what a ticket finds. Of two who bring it, one gets it.
func (s *Service) spend(ctx context.Context, kind, ticket string, into any) error {
	if len(ticket) != len(rand.Text()) || strings.Trim(ticket, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return errTicket()
	}
	e, err := s.cfg.Pending.Get(ctx, kind+ticket)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return errTicket()
	}
	if err != nil {
		return errPending(err)
	}
	if err := s.cfg.Pending.Delete(ctx, kind+ticket, jetstream.LastRevision(e.Revision())); err != nil {
		return errTicket()
	}
	if err := json.Unmarshal(e.Value(), into); err != nil {
		return fmt.Errorf("decode login: %w", err)
	}
	return nil
}

func errNoProvider() error {
	return &domain.Error{Kind: domain.NotFound, Code: "provider_not_found", Field: "provider", Message: "no login provider has this name"}
}

func errTicket() error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "oidc_failed", Message: "this browser is not in the middle of a login, or has finished it; begin again"}
}

func errAccount(p provider, who oidc.Identity) error {
	return &domain.Error{
		Kind: domain.Denied, Code: "account_unknown",
		Message: fmt.Sprintf("nobody in the tenant %s has the account %.255q of the provider %s; an admin has to link it (mesh principal link NAME --provider %[3]s --subject ACCOUNT) or to allow sign-up for the provider", who.Tenant, who.Subject, p.cfg.Name),
	}
}
