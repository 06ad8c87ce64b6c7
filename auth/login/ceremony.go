package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// CeremonyLife is how long a person may take for a ceremony with a passkey.
const CeremonyLife = pendingLife / 2

// Ceremony is the first half of one with a passkey.
type Ceremony struct {
	Options json.RawMessage // argument of navigator.credentials.create or .get
	Ticket  string          // secret of the browser, sent back with the second half
}

// ceremony is what is kept between the halves, under the digest of the ticket.
type ceremony struct {
	State  passkey.State `json:"state"`
	Proved identity.Ref  `json:"proved,omitzero"` // whose password was right; none without a password
}

// hold keeps a ceremony and returns its ticket.
func (s *Service) hold(ctx context.Context, c ceremony) (ticket string, err error) {
	ticket, digest := auth.NewSecret()
	data, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode ceremony: %w", err)
	}
	if _, err := s.cfg.Pending.Create(ctx, "passkey."+digest, data); err != nil {
		return "", errPending(err)
	}
	return ticket, nil
}

// take returns the ceremony of a ticket and removes it. Whatever comes of the
// second half, of two requests with one ticket only one gets this far: the
// removal is of the very revision that was read.
func (s *Service) take(ctx context.Context, ticket string) (c ceremony, err error) {
	key := "passkey." + auth.Verifier(ticket)
	e, err := s.cfg.Pending.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return c, errCeremony(err)
	}
	if err != nil {
		return c, errPending(err)
	}
	if err := s.cfg.Pending.Delete(ctx, key, jetstream.LastRevision(e.Revision())); err != nil {
		return c, errCeremony(err)
	}
	if err := json.Unmarshal(e.Value(), &c); err != nil {
		return c, fmt.Errorf("decode ceremony: %w", err)
	}
	return c, nil
}

// errCeremony is a ceremony that was never begun by this browser, is over or
// was used. It looks like every other refusal of a passkey.
func errCeremony(cause error) error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "passkey_invalid", Message: "the passkey was not accepted; try again", Err: cause}
}

func errNoPasskeys() error {
	return &domain.Error{
		Kind: domain.Conflict, Code: "no_passkeys",
		Message: "passkeys need an address with a name: https, or http://localhost; the mesh learns it by --public-url",
	}
}
