package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// root is the actor that a mesh is born with.
func root(m *apitest.Mesh) domain.Actor {
	return domain.Actor{Tenant: domain.DefaultTenant, ID: m.Root, Kind: domain.Service}
}

// invite returns an invitation's text.
func invite(t *testing.T, m *apitest.Mesh, kind domain.ActorKind, name string, roles ...string) string {
	t.Helper()
	id, secret, verifier := uuid.NewString(), "", ""
	secret, verifier = auth.NewSecret()
	_, err := m.Commands.IssueInvitation(t.Context(), root(m), commands.Meta{}, id, identity.InvitationIssued{
		Kind: kind, Name: name, Roles: roles, Verifier: verifier, ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return login.InvitationText(id, secret)
}

// person makes a person with a password and returns their principal.
func person(t *testing.T, m *apitest.Mesh, name, password string, roles ...string) string {
	t.Helper()
	in, err := m.NewClient(t, "").Accept(t.Context(), client.AcceptRequest{Invitation: invite(t, m, domain.Human, name, roles...), Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return in.Principal
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v (%+v), want %s", err, e, code)
	}
}

const longPassword = "correct horse battery staple"

func TestLogin(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	for name, test := range map[string]func(*testing.T, *apitest.Mesh){
		"password and refresh": testPasswordLogin,
		"invitation":           testInvitationWorksOnce,
		"second factor":        testSecondFactor,
		"password change":      testPasswordChange,
		"device":               testDeviceLogin,
		"delegation":           testDelegation,
		"exchange":             testExchange,
		"lockout":              testLockout,
		"agent by key pair":    testAgentByKeyPair,
		"revocation":           testRevocationCuts,
		"rotation":             testRotation,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

func testPasswordLogin(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "alice", longPassword, identity.RoleDeveloper)
	anon := m.NewClient(t, "")
	for _, wrong := range []client.LoginRequest{
		{Login: "alice", Password: "wrong horse battery staple"}, {Login: "nobody", Password: longPassword}, {Login: "alice", Password: longPassword, Tenant: "other"},
	} {
		_, err := anon.Login(t.Context(), wrong)
		wantCode(t, err, "login_failed")
	}
	first, err := anon.Login(t.Context(), client.LoginRequest{Login: "alice", Password: longPassword, Client: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewClient(t, first.AccessToken).Tasks(t.Context(), client.ListOptions{}); err != nil {
		t.Errorf("with the access token: %v", err)
	}
	_, err = m.NewClient(t, first.AccessToken).Rebuild(t.Context(), "tasks")
	wantCode(t, err, "denied")
	second, err := anon.Refresh(t.Context(), first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	_, err = anon.Refresh(t.Context(), first.RefreshToken)
	wantCode(t, err, "refresh_invalid")
	for _, token := range []string{first.AccessToken, second.AccessToken} { // the session is over: one of its bearers is a thief
		_, err = m.NewClient(t, token).Tasks(t.Context(), client.ListOptions{})
		wantCode(t, err, "bad_credential")
	}
	_, err = anon.Refresh(t.Context(), second.RefreshToken)
	wantCode(t, err, "refresh_invalid")
	third, err := anon.Login(t.Context(), client.LoginRequest{Login: "alice", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	if err := anon.Logout(t.Context(), third.RefreshToken); err != nil {
		t.Error(err)
	}
	_, err = m.NewClient(t, third.AccessToken).Tasks(t.Context(), client.ListOptions{})
	wantCode(t, err, "bad_credential")
}

func testInvitationWorksOnce(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	anon := m.NewClient(t, "")
	text := invite(t, m, domain.Human, "bob", identity.RoleViewer)
	_, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: text, Password: "short"})
	wantCode(t, err, "invalid_field")
	if _, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: text, Password: longPassword}); err != nil {
		t.Fatalf("after a password that was too short: %v", err)
	}
	for _, wrong := range []string{text, text[:len(text)-1], "mi_", "", strings.Replace(text, "mi_", "mr_", 1)} {
		_, err := anon.Accept(t.Context(), client.AcceptRequest{Invitation: wrong, Password: longPassword})
		wantCode(t, err, "invitation_invalid")
	}
}

func testSecondFactor(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "carol", longPassword)
	anon := m.NewClient(t, "")
	in, err := anon.Login(t.Context(), client.LoginRequest{Login: "carol", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	carol := m.NewClient(t, in.AccessToken)
	offer, err := carol.OfferTOTP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code := func(steps int) string {
		c, err := totp.GenerateCode(offer.Secret, time.Now().Add(time.Duration(steps)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	_, err = carol.ConfirmTOTP(t.Context(), client.TOTPConfirm{Sealed: offer.Sealed, Code: "000000"})
	wantCode(t, err, "invalid_field")
	recovery, err := carol.ConfirmTOTP(t.Context(), client.TOTPConfirm{Sealed: offer.Sealed, Code: code(0)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = anon.Login(t.Context(), client.LoginRequest{Login: "carol", Password: longPassword})
	wantCode(t, err, "second_factor_required")
	next := client.LoginRequest{Login: "carol", Password: longPassword, Code: code(1)}
	if _, err := anon.Login(t.Context(), next); err != nil {
		t.Errorf("with the next code: %v", err)
	}
	_, err = anon.Login(t.Context(), next)
	wantCode(t, err, "login_failed") // the code was used
	byRecovery := client.LoginRequest{Login: "carol", Password: longPassword, Code: recovery.Codes[3]}
	if _, err := anon.Login(t.Context(), byRecovery); err != nil {
		t.Errorf("with a recovery code: %v", err)
	}
	_, err = anon.Login(t.Context(), byRecovery)
	wantCode(t, err, "login_failed")
	wantCode(t, carol.RemoveTOTP(t.Context(), "not the password"), "login_failed")
	if err := carol.RemoveTOTP(t.Context(), longPassword); err != nil {
		t.Error(err)
	}
	if _, err := anon.Login(t.Context(), client.LoginRequest{Login: "carol", Password: longPassword}); err != nil {
		t.Errorf("without the second factor: %v", err)
	}
}

func testPasswordChange(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "dave", longPassword)
	anon := m.NewClient(t, "")
	in, err := anon.Login(t.Context(), client.LoginRequest{Login: "dave", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	dave := m.NewClient(t, in.AccessToken)
	wantCode(t, dave.ChangePassword(t.Context(), client.PasswordRequest{Old: "wrong", New: longPassword + "2"}), "login_failed")
	wantCode(t, dave.ChangePassword(t.Context(), client.PasswordRequest{Old: longPassword, New: "i am dave, dave, dave"}), "invalid_field")
	if err := dave.ChangePassword(t.Context(), client.PasswordRequest{Old: longPassword, New: longPassword + "2"}); err != nil {
		t.Fatal(err)
	}
	_, err = anon.Refresh(t.Context(), in.RefreshToken)
	wantCode(t, err, "refresh_invalid")
	_, err = anon.Login(t.Context(), client.LoginRequest{Login: "dave", Password: longPassword})
	wantCode(t, err, "login_failed")
	if _, err = anon.Login(t.Context(), client.LoginRequest{Login: "dave", Password: longPassword + "2"}); err != nil {
		t.Error(err)
	}
}

func testDeviceLogin(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "erin", longPassword, identity.RoleViewer)
	anon := m.NewClient(t, "")
	in, err := anon.Login(t.Context(), client.LoginRequest{Login: "erin", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	d, err := anon.BeginDevice(t.Context(), client.DeviceRequest{Client: "tv"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = anon.FinishDevice(t.Context(), d.DeviceCode)
	wantCode(t, err, "authorization_pending")
	erin := m.NewClient(t, in.AccessToken)
	_, err = erin.ApproveDevice(t.Context(), "BCDF-BCDF")
	wantCode(t, err, "invalid_field")
	if ok, err := erin.ApproveDevice(t.Context(), strings.ToLower(d.UserCode)); err != nil || ok.Client != "tv" {
		t.Fatalf("%+v, %v", ok, err)
	}
	got, err := anon.FinishDevice(t.Context(), d.DeviceCode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewClient(t, got.AccessToken).Tasks(t.Context(), client.ListOptions{}); err != nil {
		t.Error(err)
	}
	_, err = anon.FinishDevice(t.Context(), d.DeviceCode) // replayed
	wantCode(t, err, "expired_token")
	_, err = erin.ApproveDevice(t.Context(), d.UserCode)
	wantCode(t, err, "invalid_field")
}

func testLockout(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	person(t, m, "grace", longPassword)
	anon := m.NewClient(t, "")
	for range 5 {
		_, err := anon.Login(t.Context(), client.LoginRequest{Login: "grace", Password: "wrong horse battery staple"})
		wantCode(t, err, "login_failed")
	}
	r := ask(t, m, "POST", "/v1/auth/login", `{"login":"grace","password":"`+longPassword+`"}`, "Authorization", "")
	if r.status != http.StatusTooManyRequests || r.problem.Code != "locked_out" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %+v %v", r.status, r.problem, r.header)
	}
}
