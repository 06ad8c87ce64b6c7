package login

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// relyingParty returns for whom passkeys are made where a mesh is reached by
// an address, nil where there can be none: browsers keep passkeys for names
// reached by https, and for localhost.
func relyingParty(public string) (*passkey.Party, error) {
	if public == "" {
		return nil, nil //nolint:nilnil // a mesh that no browser reaches has no passkeys
	}
	u, err := url.Parse(public)
	if err != nil || u.Host == "" {
		return nil, domain.InvalidField("public-url", "%.128q is not an address such as https://mesh.example.com", public)
	}
	p, err := passkey.New(passkey.Config{RPID: u.Hostname(), RPName: "Hivemesh", Origins: []string{u.Scheme + "://" + u.Host}, TTL: CeremonyLife})
	if domain.KindOf(err) == domain.Invalid {
		return nil, nil //nolint:nilnil // an address of a mesh without passkeys is sound
	}
	return p, err
}

// BeginPasskey starts to make a passkey for the actor. It fails with kind
// Invalid for who is no person, and with code no_passkeys where there are none.
func (s *Service) BeginPasskey(ctx context.Context, by domain.Actor) (Ceremony, error) {
	if s.cfg.Passkeys == nil {
		return Ceremony{}, errNoPasskeys()
	}
	who := identity.Ref{Tenant: by.HomeTenant(), ID: by.ID}
	p, ok := s.cfg.Directory.Principal(who)
	if !ok || p.Kind != domain.Human {
		return Ceremony{}, domain.InvalidField("principal", "only a person has passkeys")
	}
	u := passkey.User{Handle: passkey.UserHandle(who.Tenant, who.ID), Name: p.Name}
	options, state, err := s.cfg.Passkeys.BeginRegistration(u, s.records(p))
	if err != nil {
		return Ceremony{}, err
	}
	ticket, err := s.hold(ctx, ceremony{State: state})
	return Ceremony{Options: options, Ticket: ticket}, err
}

// NewPasskey is what a browser made of the options of BeginPasskey.
type NewPasskey struct {
	Visit
	Ticket   string
	Response []byte // PublicKeyCredential as JSON
	Name     string // that its holder gives it, default "passkey"
}

// FinishPasskey makes a new passkey a way in of the actor, who began it. It
// fails with code passkey_invalid, which is an event of the actor.
func (s *Service) FinishPasskey(ctx context.Context, by domain.Actor, n NewPasskey) (identity.Credential, error) {
	if s.cfg.Passkeys == nil {
		return identity.Credential{}, errNoPasskeys()
	}
	c, err := s.register(ctx, by, n)
	if domain.KindOf(err) == domain.Unauthenticated {
		if told := s.cfg.Commands.NoteFailure(ctx, homeOf(by), identity.CredentialPasskey, s.source(n.From), time.Time{}); told != nil {
			s.cfg.Log.Warn().Err(told).Msg("a failed registration is not in the log")
		}
		return c, err
	}
	if err != nil {
		return c, err
	}
	_, err = s.cfg.Commands.SetCredential(ctx, homeOf(by), commands.Meta{}, by.ID, c)
	return c, err
}

// homeOf is an actor at home, where its own credentials are.
func homeOf(by domain.Actor) domain.Actor {
	by.Tenant, by.Home = by.HomeTenant(), ""
	return by
}

// register checks a new passkey against the ceremony that it is of.
func (s *Service) register(ctx context.Context, by domain.Actor, n NewPasskey) (identity.Credential, error) {
	begun, err := s.take(ctx, n.Ticket)
	if err != nil {
		return identity.Credential{}, err
	}
	if !bytes.Equal(begun.State.UserHandle, passkey.UserHandle(by.HomeTenant(), by.ID)) {
		return identity.Credential{}, errCeremony(errors.New("somebody else began it"))
	}
	r, err := s.cfg.Passkeys.FinishRegistration(begun.State, n.Response, func(id string) bool {
		_, _, taken := s.cfg.Directory.CredentialOwner(id)
		return taken
	})
	if err != nil {
		return identity.Credential{}, err
	}
	if n.Name == "" {
		n.Name = "passkey"
	}
	return identity.Credential{ID: r.CredentialID(), Type: identity.CredentialPasskey, Name: n.Name, Public: r.Text()}, nil
}

// records returns a person's passkeys.
func (s *Service) records(p identity.Principal) []passkey.Record {
	var all []passkey.Record
	for _, c := range p.Of(identity.CredentialPasskey) {
		r, err := passkey.ParseRecord(c.Public)
		if err != nil {
			s.cfg.Log.Warn().Err(err).Str("credential", c.ID).Msg("a passkey cannot be read")
			continue
		}
		all = append(all, r)
	}
	return all
}
