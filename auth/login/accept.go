package login

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// invitationPrefix begins an invitation: "mi_<invitation id>_<secret>".
const invitationPrefix = "mi_"

// Acceptance is an invitation that is presented, with the way in that the
// guest chose: a person a password, an agent the public half of a key pair
// that it made and keeps.
type Acceptance struct {
	Visit
	Invitation string
	Name       string // unless the invitation says it
	Password   string
	PublicKey  string // Ed25519, base64url
}

// Accepted says who came in.
type Accepted struct {
	Principal  string
	Tenant     string
	Name       string
	Credential string // id of the credential that was made
	Seq        uint64
}

// Accept spends an invitation. It fails with identity.ErrInvitation for one
// that opens nothing, with kind Invalid for a password or key that cannot be
// taken; then the invitation stays open.
func (s *Service) Accept(ctx context.Context, a Acceptance) (Accepted, error) {
	id, verifier, ok := parseSecret(a.Invitation, invitationPrefix)
	if !ok {
		return Accepted{}, identity.ErrInvitation
	}
	inv, err := heard(ctx, s, identity.ErrInvitation, func() (identity.InvitationOf, bool) { return s.cfg.Directory.Invitation(id, s.now()) })
	if err != nil {
		return Accepted{}, err
	}
	if inv.Verifier != verifier { // digests of random values: nothing to learn from timing
		return Accepted{}, identity.ErrInvitation
	}
	name := inv.Name
	if p, ok := s.cfg.Directory.Principal(identity.Ref{Tenant: inv.Tenant, ID: inv.Principal}); ok {
		name = p.Name
	}
	if name == "" {
		name = a.Name
	}
	c, err := s.credential(ctx, inv.Kind, name, a)
	if err != nil {
		return Accepted{}, err
	}
	res, err := s.cfg.Commands.AcceptInvitation(ctx, commands.Meta{}, id, commands.Guest{
		Verifier: verifier, Name: name, Credential: c, Source: s.source(a.From),
	})
	return Accepted{Principal: res.ID, Tenant: inv.Tenant, Name: name, Credential: c.ID, Seq: res.Seq}, err
}

// credential makes the way in that a guest chose.
func (s *Service) credential(ctx context.Context, kind domain.ActorKind, name string, a Acceptance) (identity.Credential, error) {
	if kind == domain.Agent {
		return KeyPair(a.PublicKey)
	}
	if err := s.cfg.Policy.Check(ctx, name, a.Password); err != nil {
		return identity.Credential{}, err
	}
	verifier, err := s.cfg.Hasher.Hash(ctx, a.Password)
	return identity.Credential{ID: passwordID, Type: identity.CredentialPassword, Verifier: verifier}, err
}

// KeyPair is the credential of an agent's public key (Ed25519, base64url). Its
// id is derived from the key. It fails with kind Invalid for what is no safe
// key: see auth.ParsePublicKey.
func KeyPair(public string) (identity.Credential, error) {
	key, err := publicKey(public)
	if err != nil {
		return identity.Credential{}, err
	}
	return identity.Credential{ID: KeyID(key), Type: identity.CredentialKeyPair, Public: public}, nil
}

func publicKey(text string) (ed25519.PublicKey, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, domain.InvalidField("public_key", "is not an Ed25519 key in base64url")
	}
	return auth.ParsePublicKey(raw)
}

// KeyID returns the id of a key pair.
func KeyID(public ed25519.PublicKey) string {
	digest, _ := hex.DecodeString(auth.Verifier(string(public))) // it was just encoded
	return "kp_" + base64.RawURLEncoding.EncodeToString(digest[:12])
}

// InvitationText returns what is given to a guest.
func InvitationText(id, secret string) string {
	return invitationPrefix + strings.ReplaceAll(id, "-", "") + "_" + secret
}
