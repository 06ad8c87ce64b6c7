package api_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/passkey/passkeytest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

func testPasskeyReplay(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "cleo", true)
	begun := b.post("", "login/begin", struct{}{})
	ticket := (&http.Response{Header: begun.header}).Cookies()
	made, err := b.key.Get(begun.body)
	if err != nil {
		t.Fatal(err)
	}
	proof := client.PasskeyLogin{Credential: made}
	b.post("", "login/finish", proof).want(t, http.StatusOK, "")
	b.post("", "login/finish", proof).want(t, http.StatusUnauthorized, "passkey_invalid") // the cookie is gone
	target, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	b.http.Jar.SetCookies(target.URL, ticket)
	b.post("", "login/finish", proof).want(t, http.StatusUnauthorized, "passkey_invalid") // and what it named
	if failures(t, m, id) == 0 {
		t.Error("the replay is not in the log")
	}
}

// testPasskeyAtOnce: of two answers to one ceremony that come at the same time,
// one is taken.
func testPasskeyAtOnce(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, _ := enrolled(t, m, "petra", true)
	b.http.Jar = nil
	for range 30 {
		begun := b.post("", "login/begin", struct{}{})
		made, err := b.key.Get(begun.body)
		if err != nil {
			t.Fatal(err)
		}
		b.cookie, _, _ = strings.Cut(begun.header.Get("Set-Cookie"), ";")
		var taken atomic.Int32
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if b.post("", "login/finish", client.PasskeyLogin{Credential: made}).status == http.StatusOK {
					taken.Add(1)
				}
			})
		}
		group.Wait()
		if b.cookie = ""; taken.Load() != 1 {
			t.Fatalf("%d of 2 were let in", taken.Load())
		}
	}
}

func testPasskeyBegunElsewhere(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "dora", true)
	other := newVisitor(t, m)
	other.post("", "login/begin", struct{}{})
	other.post("", "login/finish", b.prove(client.PasskeyLoginRequest{})).want(t, http.StatusUnauthorized, "passkey_invalid")
	if failures(t, m, id) == 0 {
		t.Error("it is not in the log")
	}
}

// testPasskeyRegistrationOfAnother: who takes over the browser between the
// halves gets no passkey to the one who began, nor one of their own.
func testPasskeyRegistrationOfAnother(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, _ := enrolled(t, m, "emma", true)
	id := person(t, m, "mallory", longPassword)
	in, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "mallory", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	emma := b.login(client.PasskeyLoginRequest{}).token(t)
	begun := b.post(emma, "register/begin", struct{}{})
	_, err = b.key.Create(begun.body)
	if !errors.Is(err, passkeytest.ErrExcluded) {
		t.Errorf("the key that she has is offered again: %v", err)
	}
	made, err := (&passkeytest.Authenticator{Origin: m.Public}).Create(begun.body)
	if err != nil {
		t.Fatal(err)
	}
	b.post(in.AccessToken, "register/finish", client.PasskeyRegistration{Credential: made}).want(t, http.StatusUnauthorized, "passkey_invalid")
	b.post(emma, "register/finish", client.PasskeyRegistration{Credential: made}).want(t, http.StatusUnauthorized, "passkey_invalid") // it was spent
	if p, _ := m.Directory.Principal(identity.Ref{Tenant: domain.DefaultTenant, ID: id}); len(p.Of(identity.CredentialPasskey)) > 0 {
		t.Error("mallory has a passkey")
	}
	if failures(t, m, id) == 0 {
		t.Error("the refusal is not in the log")
	}
}

// testPasskeyOfAnother: a passkey is no second factor beside the password of
// somebody else, and its key is not taken a second time.
func testPasskeyOfAnother(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	_, victim := enrolled(t, m, "faye", true)
	b, _ := enrolled(t, m, "greta", true)
	b.key.Spoof.Allow = true
	b.login(client.PasskeyLoginRequest{Login: "faye", Password: longPassword}).want(t, http.StatusUnauthorized, "passkey_invalid")
	if failures(t, m, victim) == 0 {
		t.Error("the one whose password was right has no record of it")
	}
	person(t, m, "hilda", longPassword)
	in, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "hilda", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	thief := newVisitor(t, m)
	thief.key.Spoof.ID = b.key.Credentials()[0].ID
	thief.enrol(in.AccessToken, "stolen").want(t, http.StatusUnauthorized, "passkey_invalid")
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
}

func testPasskeyCopied(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "iris", false)
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
	b.key.Spoof.Recount = 2 // as at the login before: a copy that was made then
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusUnauthorized, "passkey_invalid")
	if failures(t, m, id) == 0 {
		t.Error("it is not in the log")
	}
	b.key.Spoof.Recount = 0
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
}

// testPasskeySuspended: also when the ceremony began before.
func testPasskeySuspended(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "jane", true)
	proof := b.prove(client.PasskeyLoginRequest{})
	if _, err := m.Commands.SuspendPrincipal(t.Context(), root(m), commands.Meta{}, id, ""); err != nil {
		t.Fatal(err)
	}
	b.post("", "login/finish", proof).want(t, http.StatusUnauthorized, "passkey_invalid")
	if _, err := m.Commands.ResumePrincipal(t.Context(), root(m), commands.Meta{}, id); err != nil {
		t.Fatal(err)
	}
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
}

func testPasskeyOrigin(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "kate", true)
	for _, origin := range []string{"https://mesh.example.com", m.URL, "http://localhost", m.Public + "0"} {
		b.key.Origin = origin
		b.login(client.PasskeyLoginRequest{}).want(t, http.StatusUnauthorized, "passkey_invalid")
	}
	if failures(t, m, id) == 0 {
		t.Error("it is not in the log")
	}
}

func testPasskeyRemoved(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "lena", true)
	p, _ := m.Directory.Principal(identity.Ref{Tenant: domain.DefaultTenant, ID: id})
	key := p.Of(identity.CredentialPasskey)[0]
	if key.Name != "of lena" {
		t.Errorf("name %q", key.Name)
	}
	lena := m.NewClient(t, b.login(client.PasskeyLoginRequest{}).token(t))
	begun := b.prove(client.PasskeyLoginRequest{})
	if _, err := lena.RemoveCredential(t.Context(), "me", key.ID, "lost"); err != nil {
		t.Fatal(err)
	}
	b.post("", "login/finish", begun).want(t, http.StatusUnauthorized, "passkey_invalid")
	if _, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "lena", Password: longPassword}); err != nil {
		t.Errorf("by password alone: %v", err)
	}
}

// testPasskeyLockout: wrong passkeys make passkeys wait at their place, and nothing else.
func testPasskeyLockout(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, _ := enrolled(t, m, "mona", true)
	b.key.Spoof.BadSig = true
	for range 5 {
		b.login(client.PasskeyLoginRequest{}).want(t, http.StatusUnauthorized, "passkey_invalid")
	}
	b.key.Spoof.BadSig = false
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusTooManyRequests, "locked_out")
	b.post("", "login/begin", client.PasskeyLoginRequest{Login: "mona", Password: longPassword}).want(t, http.StatusOK, "")
}

// testPasskeyBesideGuesses: who guesses a password holds up no passkey.
func testPasskeyBesideGuesses(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, _ := enrolled(t, m, "nadja", true)
	for range 6 {
		_, _ = m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "nadja", Password: "wrong"}) // refused, then told to wait
	}
	b.post("", "login/begin", client.PasskeyLoginRequest{Login: "nadja", Password: longPassword}).want(t, http.StatusTooManyRequests, "locked_out")
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
}
