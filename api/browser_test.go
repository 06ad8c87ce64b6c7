package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/oidc/oidctest"
	"github.com/hivemesh/hivemesh/client"
)

// browser is one person's browser, as far as the mesh sees it.
type browser struct {
	mesh   *apitest.Mesh
	client *http.Client
	cookie *http.Cookie
	html   bool // it says that it shows pages
}

func newBrowser(t *testing.T, m *apitest.Mesh) *browser {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{mesh: m, client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// webPage is an answer to a browser.
type webPage struct {
	status  int
	to      string // of a redirect
	text    string
	problem client.Problem
	header  http.Header
}

// open sends a request with the cookie, and keeps the cookie that comes back.
func (b *browser) open(t *testing.T, method, path string, form url.Values) webPage {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.mesh.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.html {
		r.Header.Set("Accept", "text/html,*/*")
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if b.cookie = c; c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	p := webPage{status: resp.StatusCode, to: resp.Header.Get("Location"), text: string(text), header: resp.Header}
	_ = json.Unmarshal(text, &p.problem) // most are no problems
	return p
}

// begin starts a login and returns where the browser is sent.
func (b *browser) begin(t *testing.T, provider, userCode string) string {
	t.Helper()
	p := b.open(t, "GET", "/v1/auth/oidc/"+provider+"/start?device="+userCode, nil)
	if p.status != http.StatusFound {
		t.Fatalf("start: %d %s", p.status, p.text)
	}
	return p.to
}

// atProvider logs in there and returns the path that the browser comes back to.
func atProvider(t *testing.T, to, user string) string {
	t.Helper()
	back, err := oidctest.LogIn(t.Context(), to, publicURL+backPath, user, oidctest.Password)
	if err != nil {
		t.Fatal(err)
	}
	return back.RequestURI()
}

// logIn takes a browser all the way and returns the page that it ends at.
func (b *browser) logIn(t *testing.T, provider, user, userCode string) webPage {
	t.Helper()
	return b.open(t, "GET", atProvider(t, b.begin(t, provider, userCode), user), nil)
}

// wantProblem checks that a browser was refused.
func (p webPage) wantProblem(t *testing.T, status int, code string) {
	t.Helper()
	if p.status != status || p.problem.Code != code {
		t.Errorf("got %d %s, want %d %s", p.status, p.text, status, code)
	}
}

// consent returns the form of the page that asks about a program.
func (p webPage) consent(t *testing.T) url.Values {
	t.Helper()
	m := regexp.MustCompile(`name="consent" value="([^"]+)"`).FindStringSubmatch(p.text)
	if p.status != http.StatusOK || m == nil {
		t.Fatalf("no question about a program: %d %s", p.status, p.text)
	}
	return url.Values{"consent": {m[1]}}
}
