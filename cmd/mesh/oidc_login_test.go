package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/auth/oidc"
	"github.com/hivemesh/hivemesh/auth/oidc/oidctest"
	"github.com/hivemesh/hivemesh/domain"
)

// TestLoginByProvider takes a person from the command line through a real
// provider and back.
func TestLoginByProvider(t *testing.T) {
	t.Parallel()
	const public, back = "http://127.0.0.1:8080", "/v1/auth/oidc/callback"
	m := apitest.Start(t, apitest.Config{PublicURL: public, Providers: []login.ProviderConfig{{SignUp: true, Config: oidc.Config{
		Name: "corp", Tenant: domain.DefaultTenant, Issuer: oidctest.Start(t, public+back), ClientID: oidctest.ClaimsClient, ClientSecret: oidctest.Secret,
		Roles: map[string][]string{"staff": {"viewer"}},
	}}}})
	env := environ{"MESH_DATA=" + t.TempDir(), "XDG_CONFIG_HOME=" + t.TempDir(), "MESH_URL=" + m.URL}
	says, hears := io.Pipe()
	var out bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"login", "--provider", "corp"}, strings.NewReader(""), &out, hears, env)
		hears.Close()
	}()
	lines := bufio.NewScanner(says)
	begin := ""
	for begin == "" && lines.Scan() {
		begin = regexp.MustCompile(`http://\S+`).FindString(lines.Text())
	}
	browse(t, m.URL, begin, public+back)
	rest, err := io.ReadAll(says)
	if code := <-ended; code != 0 || err != nil || !strings.Contains(out.String(), "as "+oidctest.Bob) {
		t.Fatalf("exit %d: %s %s %v", code, &out, rest, err)
	}
	if code, out, errs := call(t, env, "", "whoami"); code != 0 || !strings.Contains(out, oidctest.Bob) || !strings.Contains(out, "viewer") {
		t.Errorf("exit %d: %s %s", code, out, errs)
	}
}

// browse does what a person does with a browser, from the page that the command
// names to the one that lets it in.
func browse(t *testing.T, mesh, begin, callback string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	to, _ := visit(t, browser, begin, nil)
	back, err := oidctest.LogIn(t.Context(), to, callback, oidctest.Bob, oidctest.Password)
	if err != nil {
		t.Fatal(err)
	}
	_, page := visit(t, browser, mesh+back.RequestURI(), nil)
	form := regexp.MustCompile(`action="([^"]+)">\s*<input type="hidden" name="consent" value="([^"]+)"`).FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("no question about the command: %s", page)
	}
	if _, page = visit(t, browser, mesh+form[1], url.Values{"consent": {form[2]}}); !strings.Contains(page, "mesh-cli is let in") {
		t.Errorf("the last page: %s", page)
	}
}

func visit(t *testing.T, browser *http.Client, to string, form url.Values) (location, page string) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Get("Location"), string(text)
}
