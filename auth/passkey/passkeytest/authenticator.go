// Package passkeytest is a WebAuthn authenticator in software, together with
// the browser that it is used from. It shares no code with the relying party:
// the CBOR, COSE and client data are written here by the letter of the
// specification (https://www.w3.org/TR/webauthn-3/).
package passkeytest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// The algorithms of keys, as COSE numbers them (RFC 9053).
const (
	ES256 = -7
	EdDSA = -8
)

// Authenticator makes credentials and proves them. It is not safe for
// concurrent use.
type Authenticator struct {
	Origin    string // of the page that asks, such as "https://mesh.example.com"
	Algorithm int    // of the keys, ES256 when 0
	Verifies  bool   // it verifies the user, by a PIN say
	Synced    bool   // its keys are backed up, and it does not count
	Spoof     Spoof  // how it lies; an honest one has the zero value

	credentials []*Credential
}

// Credential is a key that the authenticator holds.
type Credential struct {
	ID         []byte
	RPID       string
	UserHandle []byte
	Count      uint32 // of signatures so far

	key signer
}

// Spoof says what an Authenticator, or who controls it, does wrong. What is
// zero is done right.
type Spoof struct {
	RPID        string // hashed instead of the one asked for
	Challenge   string // base64url, answered instead of the one asked for
	Type        string // of the ceremony, instead of "webauthn.create" or "webauthn.get"
	CrossOrigin bool   // the page is in a frame of another
	Absent      bool   // nobody is there: the flag UP is not set
	Recount     uint32 // this sign count instead of the next
	UserHandle  []byte // given instead of the credential's
	Allow       bool   // answers with the newest credential, whichever are allowed
	ID          []byte // of new credentials
	BadSig      bool   // one bit of the signature is wrong
	Format      string // of the attestation, instead of "none"
	Padding     int    // bytes of white space after the response
}

// ErrExcluded is what Create fails with when one of the user's credentials is
// in the authenticator already.
var ErrExcluded = errors.New("the authenticator holds a credential of the user")

// ErrNoCredential is what Get fails with when none is fit for the request.
var ErrNoCredential = errors.New("the authenticator holds no credential that is asked for")

type descriptor struct {
	ID string `json:"id"`
}

type creation struct {
	PublicKey struct {
		RP        struct{ ID string }
		User      struct{ ID string }
		Challenge string
		Params    []struct {
			Alg int `json:"alg"`
		} `json:"pubKeyCredParams"`
		Exclude []descriptor `json:"excludeCredentials"`
	} `json:"publicKey"`
}

// Create answers the argument of navigator.credentials.create with a new
// credential. It fails with ErrExcluded, or when the algorithm is not offered.
func (a *Authenticator) Create(options []byte) ([]byte, error) {
	var o creation
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("read the creation options: %w", err)
	}
	for _, e := range o.PublicKey.Exclude {
		if a.find(e.ID) != nil {
			return nil, ErrExcluded
		}
	}
	offered := false
	for _, p := range o.PublicKey.Params {
		offered = offered || p.Alg == a.algorithm()
	}
	if !offered {
		return nil, fmt.Errorf("the algorithm %d is not offered", a.algorithm())
	}
	user, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		return nil, fmt.Errorf("read the user handle: %w", err)
	}
	c := &Credential{ID: a.newID(), RPID: o.PublicKey.RP.ID, UserHandle: user, key: newSigner(a.algorithm())}
	a.credentials = append(a.credentials, c)

	attested := bytes.Join([][]byte{make([]byte, 16), uint16be(len(c.ID)), c.ID, c.key.cose()}, nil)
	object := cborMap(
		cborText("fmt"), cborText(or(a.Spoof.Format, "none")),
		cborText("attStmt"), cborMap(),
		cborText("authData"), cborBytes(a.authData(c, attested)),
	)
	return a.respond(c.ID, map[string]any{
		"clientDataJSON":    b64(a.clientData("webauthn.create", o.PublicKey.Challenge)),
		"attestationObject": b64(object),
		"transports":        []string{"usb", "internal", "telepathy"},
	})
}

type request struct {
	PublicKey struct {
		RPID      string `json:"rpId"`
		Challenge string
		Allow     []descriptor `json:"allowCredentials"`
	} `json:"publicKey"`
}

// Get answers the argument of navigator.credentials.get with the proof of the
// newest credential that may be used. It fails with ErrNoCredential.
func (a *Authenticator) Get(options []byte) ([]byte, error) {
	var o request
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("read the request options: %w", err)
	}
	c := a.choose(o)
	if c == nil {
		return nil, ErrNoCredential
	}
	client := a.clientData("webauthn.get", o.PublicKey.Challenge)
	data := a.authData(c, nil)
	sig := c.key.sign(append(bytes.Clone(data), sha256Of(client)...))
	if a.Spoof.BadSig {
		sig[len(sig)-1] ^= 1
	}
	user := c.UserHandle
	if a.Spoof.UserHandle != nil {
		user = a.Spoof.UserHandle
	}
	return a.respond(c.ID, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(user),
	})
}

// Credentials returns what the authenticator holds, the oldest first.
func (a *Authenticator) Credentials() []*Credential { return a.credentials }

func (a *Authenticator) choose(o request) *Credential {
	for i := len(a.credentials) - 1; i >= 0; i-- {
		c := a.credentials[i]
		allowed := len(o.PublicKey.Allow) == 0 || a.Spoof.Allow
		for _, d := range o.PublicKey.Allow {
			allowed = allowed || d.ID == b64(c.ID)
		}
		if allowed && c.RPID == o.PublicKey.RPID {
			return c
		}
	}
	return nil
}

func (a *Authenticator) find(id string) *Credential {
	for _, c := range a.credentials {
		if b64(c.ID) == id {
			return c
		}
	}
	return nil
}

func (a *Authenticator) newID() []byte {
	if a.Spoof.ID != nil {
		return a.Spoof.ID
	}
	id := make([]byte, 32)
	rand.Read(id)
	return id
}

func (a *Authenticator) algorithm() int {
	if a.Algorithm == 0 {
		return ES256
	}
	return a.Algorithm
}
