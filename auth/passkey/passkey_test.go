package passkey_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/auth/passkey/passkeytest"
	"github.com/hivemesh/hivemesh/domain"
)

const origin = "https://mesh.example.com"

// site is a relying party with the credentials that it keeps, as JSON.
type site struct {
	*passkey.Party
	now  time.Time
	kept map[string]string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), kept: map[string]string{}}
	p, err := passkey.New(passkey.Config{RPID: "example.com", RPName: "Mesh", Origins: []string{origin}, Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	s.Party = p
	return s
}

func ada() passkey.User { return passkey.User{Handle: passkey.UserHandle("acme", "p1"), Name: "ada"} }

func (s *site) taken(id string) bool { _, ok := s.kept[id]; return ok }

func (s *site) lookup(id string, _ []byte) (passkey.Record, bool) {
	r, err := passkey.ParseRecord(s.kept[id])
	return r, err == nil
}

func (s *site) keep(r passkey.Record) { s.kept[r.CredentialID()] = r.Text() }

// overJSON returns the State as a store gives it back.
func overJSON(t *testing.T, s passkey.State) passkey.State {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back passkey.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func (s *site) register(t *testing.T, a *passkeytest.Authenticator, u passkey.User) (passkey.Record, error) {
	t.Helper()
	options, state, err := s.BeginRegistration(u, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	return s.FinishRegistration(overJSON(t, state), response, s.taken)
}

func (s *site) registered(t *testing.T, a *passkeytest.Authenticator, u passkey.User) passkey.Record {
	t.Helper()
	r, err := s.register(t, a, u)
	if err != nil {
		t.Fatalf("register: %v (%v)", err, errors.Unwrap(err))
	}
	s.keep(r)
	return r
}

// login logs in with one of the records, or without a password when there are none.
func (s *site) login(t *testing.T, a *passkeytest.Authenticator, records ...passkey.Record) (passkey.Record, error) {
	t.Helper()
	options, state := s.begin(t, records...)
	response, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	return s.FinishLogin(overJSON(t, state), response, s.lookup)
}

func (s *site) begin(t *testing.T, records ...passkey.Record) (json.RawMessage, passkey.State) {
	t.Helper()
	var options json.RawMessage
	var state passkey.State
	var err error
	if len(records) == 0 {
		options, state, err = s.BeginDiscoverable()
	} else {
		options, state, err = s.BeginLogin(records)
	}
	if err != nil {
		t.Fatal(err)
	}
	return options, state
}

// refused checks that err says no more than it should, and has a cause for logs.
func refused(t *testing.T, err error) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.Unauthenticated || e.Code != "passkey_invalid" || e.Err == nil {
		t.Fatalf("got %v, want it refused as passkey_invalid with a cause", err)
	}
	if got, want := e.Error(), "the passkey was not accepted; try again"; got != want {
		t.Errorf("the message %q gives away more than %q", got, want)
	}
	t.Log("cause:", e.Err)
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*passkeytest.Authenticator{
		"ES256":  {Origin: origin, Verifies: true},
		"EdDSA":  {Origin: origin, Verifies: true, Algorithm: passkeytest.EdDSA},
		"synced": {Origin: origin, Verifies: true, Synced: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			r := s.registered(t, a, ada())
			want := passkey.Record{
				ID: a.Credentials()[0].ID, UserHandle: ada().Handle, UserVerified: true, PublicKey: r.PublicKey,
				BackupEligible: a.Synced, BackupState: a.Synced, SignCount: a.Credentials()[0].Count, Transports: []string{"usb", "internal"},
			}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			for range 2 {
				for _, records := range [][]passkey.Record{{r}, nil} {
					got, err := s.login(t, a, records...)
					if err != nil {
						t.Fatalf("login: %v (%v)", err, errors.Unwrap(err))
					}
					want.SignCount = a.Credentials()[0].Count
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("record after a login (-want +got):\n%s", diff)
					}
					s.keep(got)
				}
			}
		})
	}
}

func TestSecondFactorWithoutVerification(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin}
	r := s.registered(t, a, ada())
	if _, err := s.login(t, a, r); err != nil {
		t.Errorf("as a second factor: %v (%v)", err, errors.Unwrap(err))
	}
	a.Verifies = true // whoever found the key gave it a PIN
	_, err := s.login(t, a)
	refused(t, err)
}

func TestExistingCredentialsAreExcluded(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin}
	r := s.registered(t, a, ada())
	options, _, err := s.BeginRegistration(ada(), []passkey.Record{r})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Create(options); !errors.Is(err, passkeytest.ErrExcluded) {
		t.Errorf("got %v, want %v", err, passkeytest.ErrExcluded)
	}
}
