package login

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// callbackPath is where providers send browsers back to.
const callbackPath = "/v1/auth/oidc/callback"

// patience is how long a browser waits for a provider, those before it included.
const patience = 15 * time.Second

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

// everyRole lists what the provider may give.
func (c ProviderConfig) everyRole() []string {
	return slices.Concat(slices.Collect(maps.Values(c.Roles))...)
}

// provider is one as the mesh uses it.
type provider struct {
	*oidc.Provider
	cfg ProviderConfig
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

// CheckProviders returns an error of kind Invalid for a provider that is not
// configured soundly. It asks none of them anything.
func CheckProviders(configs []ProviderConfig) error {
	_, err := openProviders(configs)
	return err
}

// openProviders makes the providers, and asks none of them anything yet.
func openProviders(configs []ProviderConfig) (map[string]provider, error) {
	all := make(map[string]provider, len(configs))
	for _, c := range configs {
		if _, twice := all[c.Name]; twice || !domain.ValidTenant(c.Name) { // it is part of a path
			return nil, domain.InvalidField("name", "%.64q is given twice, or is not lower-case letters, digits and dashes", c.Name)
		}
		if c.Tenant != domain.DefaultTenant && slices.Contains(c.everyRole(), identity.RoleSuperAdmin) {
			return nil, domain.InvalidField("roles", "%s is held in the tenant %q only", identity.RoleSuperAdmin, domain.DefaultTenant)
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
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
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
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	who, err := p.Finish(asking, v.State, query)
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

func errNoProvider() error {
	return &domain.Error{Kind: domain.NotFound, Code: "provider_not_found", Field: "provider", Message: "no login provider has this name"}
}
