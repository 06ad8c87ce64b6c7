package passkey_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/auth/passkey/passkeytest"
	"github.com/hivemesh/hivemesh/domain"
)

func fuzzParty(f *testing.F) *passkey.Party {
	f.Helper()
	p, err := passkey.New(passkey.Config{RPID: "example.com", Origins: []string{origin}})
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// FuzzFinishRegistration feeds attestation objects, of which only one with a
// key that its caller holds could be sound.
func FuzzFinishRegistration(f *testing.F) {
	p := fuzzParty(f)
	a := &passkeytest.Authenticator{Origin: origin}
	options, state, err := p.BeginRegistration(ada(), nil)
	if err != nil {
		f.Fatal(err)
	}
	response, err := a.Create(options)
	if err != nil {
		f.Fatal(err)
	}
	var parts struct {
		ID       string
		Response struct{ ClientDataJSON, AttestationObject string }
	}
	if err := json.Unmarshal(response, &parts); err != nil {
		f.Fatal(err)
	}
	object, _ := base64.RawURLEncoding.DecodeString(parts.Response.AttestationObject)
	f.Add(response, object)
	f.Fuzz(func(t *testing.T, response, object []byte) {
		built, _ := json.Marshal(map[string]any{"id": parts.ID, "rawId": parts.ID, "type": "public-key", "response": map[string]any{
			"clientDataJSON": parts.Response.ClientDataJSON, "attestationObject": base64.RawURLEncoding.EncodeToString(object),
		}})
		for _, body := range [][]byte{response, built} {
			r, err := p.FinishRegistration(state, body, func(string) bool { return false })
			if err != nil && domain.KindOf(err) != domain.Unauthenticated {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				continue
			}
			if _, err := passkey.ParseRecord(r.Text()); err != nil {
				t.Fatalf("the record cannot be read back: %v", err)
			}
		}
	})
}

// FuzzFinishLogin feeds responses, none of which but the seed may be accepted.
func FuzzFinishLogin(f *testing.F) {
	p := fuzzParty(f)
	a := &passkeytest.Authenticator{Origin: origin, Verifies: true}
	options, state, err := p.BeginRegistration(ada(), nil)
	if err != nil {
		f.Fatal(err)
	}
	created, err := a.Create(options)
	if err != nil {
		f.Fatal(err)
	}
	r, err := p.FinishRegistration(state, created, func(string) bool { return false })
	if err != nil {
		f.Fatal(err)
	}
	_, state, err = p.BeginLogin([]passkey.Record{r})
	if err != nil {
		f.Fatal(err)
	}
	foreign, _, err := p.BeginLogin([]passkey.Record{r})
	if err != nil {
		f.Fatal(err)
	}
	response, err := a.Get(foreign)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(response, []byte("data"))
	f.Fuzz(func(t *testing.T, response, data []byte) {
		id := base64.RawURLEncoding.EncodeToString(r.ID)
		built, _ := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": map[string]any{
			"clientDataJSON": "e30", "authenticatorData": base64.RawURLEncoding.EncodeToString(data), "signature": "AA",
		}})
		for _, body := range [][]byte{response, built} {
			if _, err := p.FinishLogin(state, body, func(string, []byte) (passkey.Record, bool) { return r, true }); domain.KindOf(err) != domain.Unauthenticated {
				t.Fatalf("got %v, want it refused", err)
			}
		}
	})
}
