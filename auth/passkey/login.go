package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hivemesh/hivemesh/domain"
)

// BeginLogin starts the second factor of a user who has these credentials, all
// of one user. It returns the argument of navigator.credentials.get as JSON. It
// fails with kind Invalid when there are none, or of several users.
func (p *Party) BeginLogin(records []Record) (json.RawMessage, State, error) {
	if len(records) == 0 {
		return nil, State{}, domain.InvalidField("credential", "there is no passkey to log in with")
	}
	h := holder{User: User{Handle: records[0].UserHandle}}
	for _, r := range records {
		if !bytes.Equal(r.UserHandle, h.Handle) {
			return nil, State{}, domain.InvalidField("credential", "the passkeys are of several users")
		}
		h.credentials = append(h.credentials, r.credential())
	}
	assertion, session, err := p.web.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationPreferred))
	return p.begun(secondFactor, assertion, session, err)
}

// BeginDiscoverable starts a login without a password, in which the credential
// says who comes. It returns the argument of navigator.credentials.get as JSON.
func (p *Party) BeginDiscoverable() (json.RawMessage, State, error) {
	assertion, session, err := p.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	return p.begun(passwordless, assertion, session, err)
}

func (p *Party) begun(c ceremony, a *protocol.CredentialAssertion, s *webauthn.SessionData, err error) (json.RawMessage, State, error) {
	if err != nil {
		return nil, State{}, fmt.Errorf("begin a passkey login: %w", err)
	}
	options, err := json.Marshal(a)
	if err != nil {
		return nil, State{}, fmt.Errorf("encode the passkey options: %w", err)
	}
	return options, p.state(c, s), nil
}

// FinishLogin returns the credential that the browser's response proves, with
// its sign count and backup state as they are now, for the caller to keep when
// they changed. The response is a JSON text of at most 16 KiB. The function
// lookup returns the credential of a directory id; userHandle is what the
// response says and not proven then. It fails with kind Unauthenticated and
// code "passkey_invalid"; the cause is for logs, and may be ErrCloned.
func (p *Party) FinishLogin(s State, response []byte, lookup func(credentialID string, userHandle []byte) (Record, bool)) (Record, error) {
	if err := p.usable(s, response, secondFactor, passwordless); err != nil {
		return Record{}, refused(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Record{}, refused(err)
	}
	r, ok := lookup(CredentialID(parsed.RawID), parsed.Response.UserHandle)
	if !ok {
		return Record{}, refused(errors.New("the credential is not known"))
	}
	if err := s.admits(r); err != nil {
		return Record{}, refused(err)
	}
	c, err := p.proven(s, r, parsed)
	if err != nil {
		return Record{}, refused(err)
	}
	if c.Authenticator.CloneWarning {
		return Record{}, refused(ErrCloned)
	}
	r.SignCount, r.BackupState = c.Authenticator.SignCount, c.Flags.BackupState
	return r, nil
}

// admits refuses a credential that was not asked for.
func (s State) admits(r Record) error {
	if s.Ceremony == passwordless && !r.UserVerified {
		return errors.New("the credential was registered without user verification and is a second factor only")
	}
	if s.Ceremony == secondFactor && !slices.ContainsFunc(s.Allowed, func(id []byte) bool { return bytes.Equal(id, r.ID) }) {
		return errors.New("the credential was not asked for")
	}
	return nil
}

// proven checks the response against the one credential that it may be of, and
// that the credential is of the user that it says and that the State is of.
func (p *Party) proven(s State, r Record, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	h := holder{User: User{Handle: r.UserHandle}, credentials: []webauthn.Credential{r.credential()}}
	if s.Ceremony == secondFactor {
		return p.web.ValidateLogin(h, s.session(), parsed)
	}
	return p.web.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return h, nil }, s.session(), parsed)
}
