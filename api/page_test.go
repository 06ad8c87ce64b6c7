package api_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// testSetupPage: only what stands in the page runs, it shows text as text,
// keeps nothing, and lets password managers do their work.
func testSetupPage(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	r := ask(t, m, "GET", "/setup", "", "Authorization", "")
	page := string(r.body)
	if kept, err := os.ReadFile("pages/setup.html"); err != nil || page != string(kept) {
		t.Fatalf("%d %.200s, %v", r.status, page, err)
	}
	if n := strings.Count(page, "<script"); n != 1 || strings.Count(r.header.Get("Content-Security-Policy"), "'sha256-") != 2 {
		t.Errorf("%d scripts, policy %s", n, r.header.Get("Content-Security-Policy"))
	}
	for _, word := range []string{
		"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "javascript:", "onclick", "onpaste", "postMessage", "addEventListener('message'",
		"localStorage", "sessionStorage", "indexedDB", "document.cookie", "<object", "<embed", "<applet", "<iframe", "http://", "https://", "import(", `autocomplete="off"`,
	} {
		if strings.Contains(page, word) {
			t.Errorf("the page has %s", word)
		}
	}
	if !strings.Contains(page, ".textContent = ") || !strings.Contains(page, `<input id="password" type="password" autocomplete="new-password"`) {
		t.Error("the page shows no text, or asks for no password")
	}
}

// testForgottenPassword: an invitation to the same principal sets a new
// password, and does not lead around the second factor.
func testForgottenPassword(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	id := person(t, m, "forgetful", longPassword)
	anon := m.NewClient(t, "")
	in, err := anon.Login(t.Context(), client.LoginRequest{Login: "forgetful", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	recovery := secondFactor(t, m.NewClient(t, in.AccessToken))
	again, err := m.Client.Invite(t.Context(), client.InviteRequest{Kind: "human", Principal: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: again.Invitation, Password: longPassword + " 2"}); err != nil {
		t.Fatal(err)
	}
	_, err = anon.Login(t.Context(), client.LoginRequest{Login: "forgetful", Password: longPassword})
	wantCode(t, err, "login_failed")
	_, err = anon.Login(t.Context(), client.LoginRequest{Login: "forgetful", Password: longPassword + " 2"})
	wantCode(t, err, "second_factor_required")
	if _, err := anon.Login(t.Context(), client.LoginRequest{Login: "forgetful", Password: longPassword + " 2", Code: recovery[0]}); err != nil {
		t.Errorf("with the new password and a code: %v", err)
	}
}

// secondFactor gives a person an authenticator and returns the recovery codes.
func secondFactor(t *testing.T, c *client.Client) []string {
	t.Helper()
	offer, err := c.OfferTOTP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(offer.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := c.ConfirmTOTP(t.Context(), client.TOTPConfirm{Sealed: offer.Sealed, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	return recovery.Codes
}

// testFailuresAreTold: refusals and logins, failed and not, get into the log,
// with who and what, and without what was tried.
func testFailuresAreTold(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	const guess = "a guess that is wrong"
	viewer, key := makePrincipal(t, m, domain.DefaultTenant, domain.Human, "told-viewer", identity.RoleViewer)
	_, err := m.NewClient(t, key).Rebuild(t.Context(), "tasks")
	wantCode(t, err, "denied")
	guessed, anon := person(t, m, "told-login", longPassword), m.NewClient(t, "")
	_, err = anon.Login(t.Context(), client.LoginRequest{Login: "told-login", Password: guess})
	wantCode(t, err, "login_failed")
	if _, err = anon.Login(t.Context(), client.LoginRequest{Login: "told-login", Password: longPassword, Client: "told"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"access.denied " + viewer: `"projection.rebuild"`, "credential.failed " + guessed: `"password"`, "session.started " + guessed: `"methods":["pwd"]`,
	}
	seq := uint64(0)
	apitest.Eventually(t, func() bool {
		last, err := m.Store.LastSeq(t.Context())
		for ; err == nil && seq < last; seq++ {
			r, err := m.Store.Get(t.Context(), seq+1)
			if err != nil {
				t.Fatal(err)
			}
			what := r.Type + " " + r.Actor
			if says, ok := want[what]; ok && strings.Contains(string(r.Data), says) && !r.Time.IsZero() {
				delete(want, what)
			}
			for _, secret := range []string{guess, longPassword, key, m.Token} {
				if strings.Contains(string(r.Data), secret) {
					t.Errorf("%s holds a secret: %s", r.Type, r.Data)
				}
			}
		}
		return len(want) == 0
	})
}

// testGuessedDeviceCodes: the codes that people type are short, so that each
// try counts, and a right one after too many wrong ones is refused too.
func testGuessedDeviceCodes(t *testing.T, _ *apitest.Mesh) {
	t.Helper()
	m := apitest.Start(t, apitest.Config{Limits: api.Limits{Failures: limit.Quota{PerSecond: 0.0001, Burst: 3}}})
	d, err := m.NewClient(t, "").BeginDevice(t.Context(), client.DeviceRequest{Client: "tv"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := m.Client.ApproveDevice(t.Context(), "BCDF-BCDF")
		wantCode(t, err, "invalid_field")
	}
	r := ask(t, m, "POST", "/v1/auth/device/approve", `{"user_code":"`+d.UserCode+`"}`)
	if r.status != http.StatusTooManyRequests || r.problem.Code != "rate_limited" {
		t.Errorf("%d %+v", r.status, r.problem)
	}
}

// testContextWords: what everybody would try first at this mesh is no password.
func testContextWords(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	anon, text := m.NewClient(t, ""), invite(t, m, domain.Human, "contextual")
	for _, refused := range []string{"I love Hivemesh, really", "it is contextual, is it not"} {
		_, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: text, Password: refused})
		wantCode(t, err, "invalid_field")
	}
	if _, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: text, Password: longPassword}); err != nil {
		t.Error(err)
	}
}

// testManySessions: sessions of one person live side by side.
func testManySessions(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "everywhere", longPassword, identity.RoleViewer)
	anon := m.NewClient(t, "")
	var sessions []client.Tokens
	for range 12 {
		in, err := anon.Login(t.Context(), client.LoginRequest{Login: "everywhere", Password: longPassword})
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, in)
	}
	if err := anon.Logout(t.Context(), sessions[0].RefreshToken); err != nil {
		t.Fatal(err)
	}
	_, err := m.NewClient(t, sessions[0].AccessToken).WhoAmI(t.Context())
	wantCode(t, err, "bad_credential")
	for _, s := range sessions[1:] {
		if _, err := m.NewClient(t, s.AccessToken).WhoAmI(t.Context()); err != nil {
			t.Errorf("beside one that ended: %v", err)
		}
	}
}
