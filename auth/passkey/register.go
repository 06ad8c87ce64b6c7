package passkey

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hivemesh/hivemesh/domain"
)

// minID is how many bytes a credential id has at least (WebAuthn, section 4).
const minID = 16

// algorithms returns the key types that are taken: EdDSA, ES256 and RS256.
func algorithms() []protocol.CredentialParameter { return webauthn.CredentialParametersRecommendedL3() }

// BeginRegistration starts to make a credential for a user who has existing
// ones, which are told so that no authenticator holds two. It returns the
// argument of navigator.credentials.create as JSON. It fails with kind Invalid
// when the user has no handle of 1 to 64 bytes or no name.
func (p *Party) BeginRegistration(u User, existing []Record) (json.RawMessage, State, error) {
	if len(u.Handle) == 0 || len(u.Handle) > 64 {
		return nil, State{}, domain.InvalidField("handle", "must have 1 to 64 bytes")
	}
	if u.Name == "" {
		return nil, State{}, domain.InvalidField("name", "must not be empty")
	}
	creation, session, err := p.web.BeginRegistration(holder{User: u},
		webauthn.WithCredentialParameters(algorithms()),
		webauthn.WithExclusions(descriptors(existing)),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey:      protocol.ResidentKeyRequirementPreferred,
			UserVerification: protocol.VerificationPreferred,
		}))
	if err != nil {
		return nil, State{}, fmt.Errorf("begin a passkey registration: %w", err)
	}
	options, err := json.Marshal(creation)
	if err != nil {
		return nil, State{}, fmt.Errorf("encode the passkey options: %w", err)
	}
	return options, p.state(registering, session), nil
}

// FinishRegistration returns the credential that the browser's response brings,
// a JSON text of at most 16 KiB. The function taken reports whether a
// credential has this directory id already, whoever's it is. It fails with kind
// Unauthenticated and code "passkey_invalid"; the cause is for logs.
func (p *Party) FinishRegistration(s State, response []byte, taken func(credentialID string) bool) (Record, error) {
	if err := p.usable(s, response, registering); err != nil {
		return Record{}, refused(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Record{}, refused(err)
	}
	if err := plain(parsed); err != nil {
		return Record{}, refused(err)
	}
	c, err := p.web.CreateCredential(holder{User: User{Handle: s.UserHandle}}, s.session(), parsed)
	if err != nil {
		return Record{}, refused(err)
	}
	r := recordOf(c, s.UserHandle)
	switch {
	case len(r.ID) < minID:
		return Record{}, refused(fmt.Errorf("the credential id has %d bytes, at least %d are needed", len(r.ID), minID))
	case len(r.Text()) > maxRecord:
		return Record{}, refused(errors.New("the credential is too large to be kept"))
	case taken(r.CredentialID()):
		return Record{}, refused(errors.New("the credential is registered already"))
	}
	return r, nil
}

// plain refuses attestation statements that nobody asked for: when none is
// asked for, browsers give "none", or "packed" signed by the key itself.
func plain(c *protocol.ParsedCredentialCreationData) error {
	a := c.Response.AttestationObject
	format := protocol.AttestationFormat(a.Format)
	_, certificates := a.AttStatement["x5c"]
	if format == protocol.AttestationFormatNone || format == protocol.AttestationFormatPacked && !certificates {
		return nil
	}
	return fmt.Errorf("an attestation of the format %.32q was not asked for", a.Format)
}
