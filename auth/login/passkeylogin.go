package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// BeginPasskeyLogin starts a login by a passkey: as the second factor of the
// person whose name and password are given, else alone. A wrong password fails
// as in Password; a right one of somebody without passkeys with kind Invalid.
func (s *Service) BeginPasskeyLogin(ctx context.Context, a Attempt) (Ceremony, error) {
	if s.cfg.Passkeys == nil {
		return Ceremony{}, errNoPasskeys()
	}
	begun, proved, err := s.options(ctx, a)
	if err != nil {
		return Ceremony{}, err
	}
	begun.Ticket, err = s.hold(ctx, proved)
	return begun, err
}

// options makes the first half, for everybody or for one person.
func (s *Service) options(ctx context.Context, a Attempt) (out Ceremony, c ceremony, err error) {
	if a.Name == "" && a.Password == "" {
		out.Options, c.State, err = s.cfg.Passkeys.BeginDiscoverable()
		return out, c, err
	}
	key := lockoutKey(a.Tenant, a.Name)
	if wait := s.cfg.Lockout.Check(key, a.From); wait > 0 {
		return out, c, errWait(wait)
	}
	p, _, err := s.known(ctx, a)
	switch {
	case domain.KindOf(err) == domain.Unauthenticated:
		return out, c, s.failed(ctx, key, p, a, identity.CredentialPassword, err)
	case err != nil:
		return out, c, err
	}
	c.Proved = identity.Ref{Tenant: a.Tenant, ID: p.ID}
	out.Options, c.State, err = s.cfg.Passkeys.BeginLogin(s.records(p))
	return out, c, err
}

// PasskeyProof is what a browser made of the options of BeginPasskeyLogin.
type PasskeyProof struct {
	Visit
	Ticket   string
	Response []byte // PublicKeyCredential as JSON
}

// FinishPasskeyLogin begins a session of whoever the passkey belongs to. It
// fails with code passkey_invalid, which counts against whom it was said to be
// of; with kind Limited and the time to wait after too many.
func (s *Service) FinishPasskeyLogin(ctx context.Context, proof PasskeyProof) (Tokens, error) {
	if s.cfg.Passkeys == nil {
		return Tokens{}, errNoPasskeys()
	}
	begun, err := s.take(ctx, proof.Ticket)
	if err != nil && domain.KindOf(err) != domain.Unauthenticated {
		return Tokens{}, err
	}
	who, p := s.meant(begun.Proved, proof.Response)
	key := passkeyKey(who.Tenant, p.Name)
	if begun.Proved.ID != "" {
		key = lockoutKey(who.Tenant, p.Name)
	}
	if wait := s.cfg.Lockout.Check(key, proof.From); p.Exists() && wait > 0 {
		return Tokens{}, errWait(wait)
	}
	var methods []string
	if err == nil {
		who, methods, err = s.provePasskey(ctx, begun, proof)
	}
	switch {
	case domain.KindOf(err) == domain.Unauthenticated && p.Exists():
		if errors.Is(err, passkey.ErrCloned) {
			s.cfg.Log.Warn().Str("tenant", who.Tenant).Str("principal", p.ID).Msg("a passkey may have been copied: its count did not grow")
		}
		return Tokens{}, s.failed(ctx, key, p, Attempt{Visit: proof.Visit, Tenant: who.Tenant}, identity.CredentialPasskey, err)
	case err != nil:
		return Tokens{}, err
	}
	s.cfg.Lockout.Succeeded(key, proof.From)
	return s.begin(ctx, who, domain.Human, identity.SessionStarted{
		Client: proof.Client, Methods: methods, ExpiresAt: s.now().Add(sessionLife),
	}, proof.From, true)
}

// meant returns who a proof is said to be of, right or wrong: the one whose
// password was right, else the holder of the passkey that it names.
func (s *Service) meant(proved identity.Ref, response []byte) (identity.Ref, identity.Principal) {
	who := proved
	if who.ID == "" {
		var named struct {
			RawID string `json:"rawId"`
		}
		if json.Unmarshal(response, &named) != nil {
			return who, identity.Principal{}
		}
		raw, err := base64.RawURLEncoding.DecodeString(named.RawID)
		if err != nil {
			return who, identity.Principal{}
		}
		who, _, _ = s.cfg.Directory.CredentialOwner(passkey.CredentialID(raw))
	}
	p, _ := s.cfg.Directory.Principal(who)
	return who, p
}

// provePasskey checks a passkey, and keeps its count when that grew.
func (s *Service) provePasskey(ctx context.Context, begun ceremony, proof PasskeyProof) (identity.Ref, []string, error) {
	var who identity.Ref
	var kept identity.Credential
	r, err := s.cfg.Passkeys.FinishLogin(begun.State, proof.Response, func(id string, _ []byte) (passkey.Record, bool) {
		var r passkey.Record
		var ok bool
		who, kept, r, ok = s.passkey(id)
		return r, ok && (begun.Proved.ID == "" || begun.Proved == who)
	})
	if err != nil {
		return who, nil, err
	}
	by := domain.Actor{Tenant: who.Tenant, ID: who.ID, Kind: domain.Human}
	next := kept
	next.Public = r.Text()
	_, err = s.cfg.Commands.ProveCredential(ctx, by, commands.Meta{}, kept, next, s.source(proof.From))
	methods := []string{"passkey", "mfa"}
	if begun.Proved.ID != "" {
		methods = []string{"pwd", "passkey", "mfa"}
	}
	return who, methods, err
}

// passkey returns the holder of a passkey and what is kept of it, if it lets
// anybody in: it is of a person who is active, and was made for that person.
func (s *Service) passkey(id string) (identity.Ref, identity.Credential, passkey.Record, bool) {
	who, c, ok := s.cfg.Directory.CredentialOwner(id)
	p, known := s.cfg.Directory.Principal(who)
	if !ok || !known || c.Type != identity.CredentialPasskey || p.Kind != domain.Human || p.Suspended || c.Over(s.now()) {
		return who, c, passkey.Record{}, false
	}
	r, err := passkey.ParseRecord(c.Public)
	return who, c, r, err == nil && bytes.Equal(r.UserHandle, passkey.UserHandle(who.Tenant, who.ID))
}
