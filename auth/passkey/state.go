package passkey

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hivemesh/hivemesh/domain"
)

// ceremony says which half may follow a State.
type ceremony string

const (
	registering  ceremony = "register"
	secondFactor ceremony = "second_factor"
	passwordless ceremony = "passwordless"
)

// State is a ceremony between its halves. It encodes to JSON, is not secret,
// must not be changed by the browser, and serves once.
type State struct {
	Ceremony   ceremony  `json:"ceremony"`
	Challenge  string    `json:"challenge"`
	UserHandle []byte    `json:"user_handle,omitempty"` // empty when it is for the credential to say who comes
	Allowed    [][]byte  `json:"allowed,omitempty"`     // ids of the credentials that may answer
	ExpiresAt  time.Time `json:"expires_at"`
}

// state keeps of the library's session what the second half needs.
func (p *Party) state(c ceremony, s *webauthn.SessionData) State {
	return State{Ceremony: c, Challenge: s.Challenge, UserHandle: s.UserID, Allowed: s.AllowedCredentialIDs, ExpiresAt: p.now().Add(p.ttl)}
}

// session returns a State as the library knows it.
func (s State) session() webauthn.SessionData {
	d := webauthn.SessionData{Challenge: s.Challenge, UserID: s.UserHandle, UserVerification: protocol.VerificationPreferred}
	switch s.Ceremony {
	case passwordless:
		d.UserVerification = protocol.VerificationRequired
	case registering:
		d.CredParams = algorithms()
	case secondFactor:
	}
	return d
}

// usable refuses a State that is of another ceremony or too old, and a response
// that is too large.
func (p *Party) usable(s State, response []byte, of ...ceremony) error {
	switch {
	case !slices.Contains(of, s.Ceremony):
		return fmt.Errorf("a ceremony of the kind %.16q was begun", s.Ceremony)
	case !p.now().Before(s.ExpiresAt):
		return errors.New("the ceremony has expired")
	case len(response) > maxResponse:
		return fmt.Errorf("the response has %d bytes, at most %d are read", len(response), maxResponse)
	}
	return nil
}

// maxResponse is how many bytes of a response are read: a credential id, an RSA
// key and client data with some extensions have about 3 KiB.
const maxResponse = 16 << 10

// ErrCloned is the cause of a refusal when the sign count did not grow: the key
// has been copied, or a response was replayed. It is worth a look.
var ErrCloned = errors.New("the sign count did not grow: the key may have been copied")

// refused is all that whoever presents a passkey learns; the cause is for logs.
func refused(cause error) error {
	var detail *protocol.Error
	if errors.As(cause, &detail) && detail.DevInfo != "" {
		cause = fmt.Errorf("%w: %.300q", cause, detail.DevInfo) // holds text of whoever asks
	}
	return &domain.Error{Kind: domain.Unauthenticated, Code: "passkey_invalid", Message: "the passkey was not accepted; try again", Err: cause}
}
