package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/hivemesh/hivemesh/auth/passkey"
	"github.com/hivemesh/hivemesh/auth/passkey/passkeytest"
	"github.com/hivemesh/hivemesh/domain"
)

// lies is what no ceremony accepts.
func lies() map[string]func(*passkeytest.Authenticator) {
	type authenticator = passkeytest.Authenticator
	return map[string]func(*authenticator){
		"foreign origin":    func(a *authenticator) { a.Origin = "https://mesh.example.org" },
		"sibling origin":    func(a *authenticator) { a.Origin = "https://evil.example.com" },
		"origin in clear":   func(a *authenticator) { a.Origin = "http://mesh.example.com" },
		"other port":        func(a *authenticator) { a.Origin = origin + ":8443" },
		"longer origin":     func(a *authenticator) { a.Origin = origin + ".evil.test" },
		"framed":            func(a *authenticator) { a.Spoof.CrossOrigin = true },
		"foreign rpId":      func(a *authenticator) { a.Spoof.RPID = "evil.test" },
		"sub rpId":          func(a *authenticator) { a.Spoof.RPID = "mesh.example.com" },
		"made-up challenge": func(a *authenticator) { a.Spoof.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		"unknown ceremony":  func(a *authenticator) { a.Spoof.Type = "payment.get" },
		"nobody there":      func(a *authenticator) { a.Spoof.Absent = true },
		"too large":         func(a *authenticator) { a.Spoof.Padding = 17 << 10 },
	}
}

func TestRegistrationRefusals(t *testing.T) {
	t.Parallel()
	all := lies()
	all["login response"] = func(a *passkeytest.Authenticator) { a.Spoof.Type = "webauthn.get" }
	all["short id"] = func(a *passkeytest.Authenticator) { a.Spoof.ID = []byte("password") }
	all["long id"] = func(a *passkeytest.Authenticator) { a.Spoof.ID = make([]byte, 1024) }
	for name, lie := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}
			lie(a)
			_, err := s.register(t, a, ada())
			refused(t, err)
			*a = passkeytest.Authenticator{Origin: origin, Verifies: true}
			s.registered(t, a, ada())
		})
	}
}

func TestAttestationIsNotLookedAt(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"fido-u2f", "tpm", "apple", "android-key", "android-safetynet", "gold"} {
		s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Spoof: passkeytest.Spoof{Format: format}}
		_, err := s.register(t, a, ada())
		refused(t, err)
		var library *protocol.Error
		if errors.As(err, &library) {
			t.Errorf("%s: the statement was looked at: %v", format, library)
		}
	}
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	all := lies()
	all["registration response"] = func(a *passkeytest.Authenticator) { a.Spoof.Type = "webauthn.create" }
	all["bad signature"] = func(a *passkeytest.Authenticator) { a.Spoof.BadSig = true }
	all["other user"] = func(a *passkeytest.Authenticator) { a.Spoof.UserHandle = passkey.UserHandle("acme", "p2") }
	all["now backed up"] = func(a *passkeytest.Authenticator) { a.Synced = true }
	for name, lie := range all {
		for _, algorithm := range []int{passkeytest.ES256, passkeytest.EdDSA} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true, Algorithm: algorithm}
				r := s.registered(t, a, ada())
				honest := *a
				lie(a)
				for _, records := range [][]passkey.Record{{r}, nil} {
					_, err := s.login(t, a, records...)
					refused(t, err)
				}
				*a = honest
				if _, err := s.login(t, a); err != nil {
					t.Errorf("the honest login fails: %v (%v)", err, errors.Unwrap(err))
				}
			})
		}
	}
}

func TestPasswordlessNeedsVerificationAndUser(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}
	s.registered(t, a, ada())
	a.Verifies = false
	_, err := s.login(t, a)
	refused(t, err)
	a.Verifies, a.Spoof.UserHandle = true, []byte{}
	_, err = s.login(t, a)
	refused(t, err)
}

func TestSignCountGoesBack(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}
	r := s.registered(t, a, ada())
	a.Credentials()[0].Count = 9
	r, err := s.login(t, a, r)
	if err != nil || r.SignCount != 10 {
		t.Fatalf("login: %v, sign count %d, want 10", err, r.SignCount)
	}
	s.keep(r)
	for _, count := range []uint32{10, 9, 1} {
		a.Spoof.Recount = count
		_, err := s.login(t, a, r)
		refused(t, err)
		if !errors.Is(err, passkey.ErrCloned) {
			t.Errorf("sign count %d: the cause is %v, want %v", count, errors.Unwrap(err), passkey.ErrCloned)
		}
	}
	a.Spoof.Recount = 11
	if _, err := s.login(t, a, r); err != nil {
		t.Errorf("a count that grows is refused: %v", err)
	}
}

func TestResponsesServeOneCeremony(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}
	options, registration, err := s.BeginRegistration(ada(), nil)
	if err != nil {
		t.Fatal(err)
	}
	created, err := a.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.FinishRegistration(registration, created, s.taken)
	if err != nil {
		t.Fatal(err)
	}
	s.keep(r)
	_, err = s.FinishRegistration(registration, created, s.taken)
	refused(t, err) // its id is taken
	_, other, _ := s.BeginRegistration(ada(), nil)
	_, err = s.FinishRegistration(other, created, func(string) bool { return false })
	refused(t, err)

	options, login := s.begin(t, r)
	got, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.FinishLogin(registration, got, s.lookup)
	refused(t, err)
	_, err = s.FinishRegistration(login, got, s.taken)
	refused(t, err)
	_, otherLogin := s.begin(t, r)
	_, err = s.FinishLogin(otherLogin, got, s.lookup)
	refused(t, err)
	_, discoverable := s.begin(t)
	_, err = s.FinishLogin(discoverable, got, s.lookup)
	refused(t, err)
	if r, err = s.FinishLogin(login, got, s.lookup); err != nil {
		t.Fatal(err)
	}
	s.keep(r)
	_, err = s.FinishLogin(login, got, s.lookup)
	refused(t, err) // the sign count did not grow
}

func TestAnotherUsersCredential(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hers, his := &passkeytest.Authenticator{Origin: origin, Verifies: true}, &passkeytest.Authenticator{Origin: origin, Verifies: true}
	r := s.registered(t, hers, ada())
	bob := s.registered(t, his, passkey.User{Handle: passkey.UserHandle("acme", "p2"), Name: "bob"})
	his.Spoof.Allow = true
	_, err := s.login(t, his, r)
	refused(t, err)
	his.Spoof.UserHandle = ada().Handle
	_, err = s.login(t, his, r)
	refused(t, err)
	_, err = s.login(t, his)
	refused(t, err)

	mallory := &passkeytest.Authenticator{Origin: origin, Spoof: passkeytest.Spoof{ID: r.ID}}
	_, err = s.register(t, mallory, passkey.User{Handle: passkey.UserHandle("acme", "p3"), Name: "mallory"})
	refused(t, err)

	if _, _, err := s.BeginLogin([]passkey.Record{r, bob}); domain.KindOf(err) != domain.Invalid {
		t.Errorf("credentials of two users: got %v, want it invalid", err)
	}
}

func TestRemovedCredentialAndWrongLookup(t *testing.T) {
	t.Parallel()
	s, a, other := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}, &passkeytest.Authenticator{Origin: origin, Verifies: true}
	r := s.registered(t, a, ada())
	foreign := s.registered(t, other, ada())
	options, state := s.begin(t, r)
	response, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.FinishLogin(state, response, func(string, []byte) (passkey.Record, bool) { return passkey.Record{}, false })
	refused(t, err)
	_, err = s.FinishLogin(state, response, func(string, []byte) (passkey.Record, bool) { return foreign, true })
	refused(t, err)
}

func TestCeremonyExpires(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}
	r := s.registered(t, a, ada())
	options, state := s.begin(t, r)
	response, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(5 * time.Minute)
	_, err = s.FinishLogin(state, response, s.lookup)
	refused(t, err)
	s.now = s.now.Add(-time.Second)
	if _, err := s.FinishLogin(state, response, s.lookup); err != nil {
		t.Errorf("a second before: %v", err)
	}
}

func TestTamperedFields(t *testing.T) {
	t.Parallel()
	s, a := newSite(t), &passkeytest.Authenticator{Origin: origin, Verifies: true}
	r := s.registered(t, a, ada())
	options, state := s.begin(t, r)
	response, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"clientDataJSON", "authenticatorData", "signature", "userHandle"} {
		var whole, inner map[string]json.RawMessage
		if err := json.Unmarshal(response, &whole); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(whole["response"], &inner); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(inner[field])-1; i++ {
			changed := bytes.Clone(inner[field])
			if changed[i]++; changed[i] == '"' || changed[i] == '\\' {
				continue
			}
			if i == len(changed)-2 && len(changed)%4 != 2 {
				continue // the last character may differ in bits that count for nothing
			}
			inner2 := map[string]json.RawMessage{}
			for k, v := range inner {
				inner2[k] = v
			}
			inner2[field] = changed
			whole["response"], _ = json.Marshal(inner2)
			bad, _ := json.Marshal(whole)
			if _, err := s.FinishLogin(state, bad, s.lookup); domain.KindOf(err) != domain.Unauthenticated {
				t.Fatalf("%s changed at %d: got %v, want it refused", field, i, err)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg   passkey.Config
		field string
	}{
		"good":             {passkey.Config{RPID: "example.com", Origins: []string{"https://example.com", "https://a.b.example.com:8443"}}, ""},
		"localhost":        {passkey.Config{RPID: "localhost", Origins: []string{"http://localhost:8080"}}, ""},
		"no domain":        {passkey.Config{Origins: []string{origin}}, "rp_id"},
		"address":          {passkey.Config{RPID: "127.0.0.1", Origins: []string{"https://127.0.0.1"}}, "rp_id"},
		"url":              {passkey.Config{RPID: "https://example.com", Origins: []string{origin}}, "rp_id"},
		"no origin":        {passkey.Config{RPID: "example.com"}, "origins"},
		"foreign origin":   {passkey.Config{RPID: "example.com", Origins: []string{origin, "https://notexample.com"}}, "origins"},
		"origin in clear":  {passkey.Config{RPID: "example.com", Origins: []string{"http://mesh.example.com"}}, "origins"},
		"origin with path": {passkey.Config{RPID: "example.com", Origins: []string{origin + "/"}}, "origins"},
		"address origin":   {passkey.Config{RPID: "localhost", Origins: []string{"http://127.0.0.1"}}, "origins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := passkey.New(c.cfg)
			var e *domain.Error
			if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &e) || e.Kind != domain.Invalid || e.Field != c.field) {
				t.Errorf("got %v, want the field %q refused", err, c.field)
			}
		})
	}
}

func TestBeginRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, u := range []passkey.User{{Name: "ada"}, {Handle: make([]byte, 65), Name: "ada"}, {Handle: ada().Handle}} {
		if _, _, err := s.BeginRegistration(u, nil); domain.KindOf(err) != domain.Invalid {
			t.Errorf("%+v: got %v, want it invalid", u, err)
		}
	}
	if _, _, err := s.BeginLogin(nil); domain.KindOf(err) != domain.Invalid {
		t.Errorf("no credentials: got %v, want it invalid", err)
	}
	for _, text := range []string{"", "{}", "null", `{"id":"AA=="}`, "{" + string(make([]byte, 9<<10))} {
		if r, err := passkey.ParseRecord(text); err == nil {
			t.Errorf("%.20q: got the record %+v, want an error", text, r)
		}
	}
}

func TestCredentialsThatWereNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := &passkeytest.Authenticator{Origin: origin, Verifies: true}, &passkeytest.Authenticator{Origin: origin, Verifies: true}
	r := s.registered(t, first, ada())
	s.registered(t, second, ada())
	second.Spoof.Allow = true
	_, err := s.login(t, second, r)
	refused(t, err)

	options, state := s.begin(t)
	second.Verifies = false
	response, err := second.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	state.Ceremony = "" // as a State of a later version could be read
	_, err = s.FinishLogin(state, response, s.lookup)
	refused(t, err)
}
