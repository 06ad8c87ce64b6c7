package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
)

// TestLoginPage: a device login points at it, and nothing runs on it but its
// own script.
func TestLoginPage(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute})
	d, err := m.NewClient(t, "").BeginDevice(t.Context(), client.DeviceRequest{Client: "mesh-cli"})
	if err != nil || d.VerificationURI != m.Public+"/login" || d.VerificationURIComplete != m.Public+"/login?device="+d.UserCode {
		t.Fatalf("%+v, %v", d, err)
	}
	r := try(t, http.DefaultClient, m, "", "", operationOf{method: http.MethodGet}, strings.TrimPrefix(d.VerificationURIComplete, m.Public), "")
	if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", r.status, r.header)
	}
	policy := r.header.Get("Content-Security-Policy")
	for _, element := range []string{"script", "style"} {
		_, rest, _ := bytes.Cut(r.body, []byte("<"+element+">"))
		text, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
		sum := sha256.Sum256(text)
		if want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; len(text) == 0 || !strings.Contains(policy, want) {
			t.Errorf("%s: %s is not in %s", element, want, policy)
		}
		if n := bytes.Count(r.body, []byte("<"+element)); n != 1 {
			t.Errorf("%d elements %s", n, element)
		}
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %s", want, policy)
		}
	}
	if r.header.Get("Cross-Origin-Opener-Policy") != "same-origin" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", r.header)
	}
}

// TestPasskeysByHTTPS: the cookie of a ceremony is then for https and for this
// host alone, and one that another host of the domain may have set is not taken.
func TestPasskeysByHTTPS(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute, PublicURL: "https://mesh.example.com"})
	person(t, m, "ann", longPassword)
	in, err := m.NewClient(t, "").Login(t.Context(), client.LoginRequest{Login: "ann", Password: longPassword})
	if err != nil {
		t.Fatal(err)
	}
	b := newVisitor(t, m)
	b.http.Jar = nil
	finish := func(name string) reply {
		begun := b.post(in.AccessToken, "register/begin", struct{}{})
		cookies := (&http.Response{Header: begun.header}).Cookies()
		if len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].Name != "__Host-mesh-passkey" || cookies[0].Path != "/" || cookies[0].Domain != "" {
			t.Fatalf("cookies %v", cookies)
		}
		made, err := b.key.Create(begun.body)
		if err != nil {
			t.Fatal(err)
		}
		b.cookie = name + "=" + cookies[0].Value
		defer func() { b.cookie = "" }()
		return b.post(in.AccessToken, "register/finish", client.PasskeyRegistration{Credential: made})
	}
	finish("mesh-passkey").want(t, http.StatusUnauthorized, "passkey_invalid")
	finish("__Host-mesh-passkey").want(t, http.StatusOK, "")
}

// TestNoPasskeys: browsers keep none for an address without a name, or by http.
func TestNoPasskeys(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute, PublicURL: "http://10.0.0.7:7300"})
	b := newVisitor(t, m)
	for path, token := range map[string]string{"login/begin": "", "register/begin": m.Token} {
		b.post(token, path, struct{}{}).want(t, http.StatusConflict, "no_passkeys")
	}
	for path, token := range map[string]string{"login/finish": "", "register/finish": m.Token} {
		b.post(token, path, map[string]any{"credential": map[string]any{}}).want(t, http.StatusConflict, "no_passkeys")
	}
}
