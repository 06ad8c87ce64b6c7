package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/passkey/passkeytest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// browser is one with a person's authenticator plugged in.
type visitor struct {
	t    *testing.T
	m    *apitest.Mesh
	http *http.Client
	key  *passkeytest.Authenticator

	cookie string // sent besides those that were set
}

func newVisitor(t *testing.T, m *apitest.Mesh) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{}}
	t.Cleanup(c.CloseIdleConnections)
	return visitor{t: t, m: m, http: c, key: &passkeytest.Authenticator{Origin: m.Public, Verifies: true}}
}

// post sends a request as the page does.
func (b visitor) post(token, path string, body any) reply {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.m.URL+"/v1/auth/passkeys/"+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if b.cookie != "" {
		req.Header.Set("Cookie", b.cookie)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	r := reply{status: res.StatusCode, header: res.Header}
	if r.body, err = io.ReadAll(res.Body); err != nil {
		b.t.Fatal(err)
	}
	if r.status >= 400 {
		_ = json.Unmarshal(r.body, &r.problem) // what is none has no code
	}
	return r
}

// enrol makes a passkey and returns the second half's answer.
func (b visitor) enrol(token, name string) reply {
	b.t.Helper()
	begun := b.post(token, "register/begin", struct{}{})
	if begun.status != http.StatusOK {
		b.t.Fatalf("begin: %d %s", begun.status, begun.body)
	}
	made, err := b.key.Create(begun.body)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(token, "register/finish", client.PasskeyRegistration{Credential: made, Name: name})
}

// prove answers the options of a login, and returns the second half's request.
func (b visitor) prove(r client.PasskeyLoginRequest) client.PasskeyLogin {
	b.t.Helper()
	begun := b.post("", "login/begin", r)
	if begun.status != http.StatusOK {
		b.t.Fatalf("begin: %d %s", begun.status, begun.body)
	}
	proof, err := b.key.Get(begun.body)
	if err != nil {
		b.t.Fatal(err)
	}
	return client.PasskeyLogin{Credential: proof, Client: "browser"}
}

func (b visitor) login(r client.PasskeyLoginRequest) reply {
	b.t.Helper()
	return b.post("", "login/finish", b.prove(r))
}

func (r reply) want(t *testing.T, status int, code string) {
	t.Helper()
	if r.status != status || r.problem.Code != code {
		t.Errorf("%d %.300s, want %d %s", r.status, r.body, status, code)
	}
}

// token returns the access token of a login.
func (r reply) token(t *testing.T) string {
	t.Helper()
	var got client.Tokens
	if err := json.Unmarshal(r.body, &got); err != nil || got.AccessToken == "" || got.RefreshToken == "" {
		t.Fatalf("%v: %d %s", err, r.status, r.body)
	}
	return got.AccessToken
}

// enrolled is a person with a passkey, in a browser. A synced passkey is on
// several devices and does not count its signatures.
func enrolled(t *testing.T, m *apitest.Mesh, name string, synced bool) (b visitor, principal string) {
	t.Helper()
	principal = person(t, m, name, longPassword, identity.RoleViewer)
	in, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: name, Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	b = newVisitor(t, m)
	b.key.Synced = synced
	b.enrol(in.AccessToken, "of "+name).want(t, http.StatusOK, "")
	return b, principal
}

// failures counts how often the log tells that a passkey of a principal failed.
func failures(t *testing.T, m *apitest.Mesh, principal string) int {
	t.Helper()
	return aboutPasskey(t, m, principal, "credential.failed")
}

// aboutPasskey counts the events of a type about a principal's passkey.
func aboutPasskey(t *testing.T, m *apitest.Mesh, principal, typ string) int {
	t.Helper()
	last, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for seq := uint64(1); seq <= last; seq++ {
		r, err := m.Store.Get(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == typ && r.Entity.ID == principal && bytes.Contains(r.Data, []byte(`"passkey"`)) {
			n++
		}
	}
	return n
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute})
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"alone": testPasskeyAlone, "kept": testPasskeyKept, "at once": testPasskeyAtOnce, "second factor": testPasskeySecond, "replay": testPasskeyReplay,
		"begun elsewhere": testPasskeyBegunElsewhere, "registration of another": testPasskeyRegistrationOfAnother,
		"another's passkey": testPasskeyOfAnother, "copied": testPasskeyCopied, "suspended": testPasskeySuspended,
		"wrong origin": testPasskeyOrigin, "removed": testPasskeyRemoved, "lockout": testPasskeyLockout, "guesses": testPasskeyBesideGuesses,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

func testPasskeyAlone(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "ada", false)
	begun := b.post("", "login/begin", struct{}{})
	cookies := (&http.Response{Header: begun.header}).Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].MaxAge != 300 || cookies[0].Secure {
		t.Errorf("cookies %v", cookies)
	}
	for range 2 { // the count grows
		me, err := m.NewClient(t, b.login(client.PasskeyLoginRequest{}).token(t)).Principal(t.Context(), "me")
		if err != nil || me.ID != id {
			t.Errorf("%+v, %v", me, err)
		}
	}
	s := m.Directory.SessionsOf(identity.Ref{Tenant: domain.DefaultTenant, ID: id})
	if last := s[len(s)-1]; last.Client != "browser" || len(last.Methods) != 2 || last.Methods[0] != "passkey" {
		t.Errorf("session %+v", last)
	}
}

// testPasskeyKept: a passkey that counts is written down anew at each login, one
// that does not never.
func testPasskeyKept(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	counts, id := enrolled(t, m, "nina", false)
	synced, other := enrolled(t, m, "olga", true)
	for range 2 {
		counts.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
		synced.login(client.PasskeyLoginRequest{}).want(t, http.StatusOK, "")
	}
	if a, b := aboutPasskey(t, m, id, "credential.set"), aboutPasskey(t, m, other, "credential.set"); a != 3 || b != 1 {
		t.Errorf("written %d and %d times, want 3 and 1", a, b)
	}
}

func testPasskeySecond(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	b, id := enrolled(t, m, "bea", false)
	_, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "bea", Password: longPassword})
	wantCode(t, err, "second_factor_required")
	b.post("", "login/begin", client.PasskeyLoginRequest{Login: "bea", Password: "wrong horse battery staple"}).want(t, http.StatusUnauthorized, "login_failed")
	b.post("", "login/begin", client.PasskeyLoginRequest{Login: "no-bea", Password: longPassword}).want(t, http.StatusUnauthorized, "login_failed")
	b.key.Verifies = false // enough beside a password, and not alone
	b.login(client.PasskeyLoginRequest{Login: "bea", Password: longPassword}).want(t, http.StatusOK, "")
	b.login(client.PasskeyLoginRequest{}).want(t, http.StatusUnauthorized, "passkey_invalid")
	s := m.Directory.SessionsOf(identity.Ref{Tenant: domain.DefaultTenant, ID: id})
	if last := s[len(s)-1]; len(last.Methods) != 3 || last.Methods[0] != "pwd" || last.Methods[1] != "passkey" {
		t.Errorf("methods %v", last.Methods)
	}
}
