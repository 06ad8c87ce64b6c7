// Package oidctest starts a real OpenID provider on loopback and logs in there
// as a person with a browser would. The provider is a module of its own, in the
// folder provider, so that nothing of it is in the module graph of the mesh.
package oidctest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the provider knows. Ada is in the groups staff and admins, Bob in staff.
const (
	Client       = "web"    // finds claims at the userinfo endpoint only
	ClaimsClient = "claims" // finds them in the ID token too
	Secret       = "secret" // of both clients
	Ada          = "test-user@127.0.0.1"
	Bob          = "test-user2"
	Password     = "verysecure" // of both
)

// Start builds the provider, runs it until the test ends, and returns its
// issuer. Its clients send browsers back to redirectURL. It skips the test in
// -short, and fails it when the provider cannot be built.
func Start(t *testing.T, redirectURL string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: a real OpenID provider is built from its module, which takes a minute the first time")
	}
	mod, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	program := filepath.Join(t.TempDir(), "provider")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), "auth", "oidc", "oidctest", "provider")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the OpenID provider: %v\n%s", err, out)
	}
	return run(t, exec.CommandContext(context.WithoutCancel(t.Context()), program, "--redirect", redirectURL))
}

// run starts the program, which ends with its standard input, and returns the
// line that it prints.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var faults strings.Builder
	cmd.Stderr = &faults
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the OpenID provider: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the OpenID provider ended: %v\n%s", err, &faults)
		}
	})
	issuer, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the OpenID provider does not tell its issuer: %v", err)
	}
	return strings.TrimSpace(issuer)
}

// LogIn opens authURL in a fresh browser, fills in the provider's form, and
// returns where the provider sends the browser back to, which is not visited.
func LogIn(ctx context.Context, authURL, redirectURL, user, password string) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{
		Jar: jar, Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirectURL) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	page, _, err := visit(ctx, browser, http.MethodGet, authURL, nil)
	if err != nil {
		return nil, fmt.Errorf("open the login page: %w", err)
	}
	action, id := firstOf(page, `action="([^"]+)"`), firstOf(page, `name="id" value="([^"]+)"`)
	base, err := url.Parse(authURL)
	if err != nil || id == "" {
		return nil, fmt.Errorf("the provider shows no login form: %.500s", page)
	}
	form := url.Values{"id": {id}, "username": {user}, "password": {password}}
	page, back, err := visit(ctx, browser, http.MethodPost, base.ResolveReference(&url.URL{Path: action}).String(), form)
	if err != nil {
		return nil, fmt.Errorf("send the login form: %w", err)
	}
	if back == nil {
		return nil, errors.New("the provider does not let the person in: " + firstOf(page, `min-height: 1rem;">([^<]*)<`))
	}
	return back, nil
}

// visit returns the page, or where it leads when that is not to be visited.
func visit(ctx context.Context, browser *http.Client, method, to string, form url.Values) (string, *url.URL, error) {
	r, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := browser.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	if back, err := resp.Location(); err == nil {
		return "", back, nil
	}
	page, err := io.ReadAll(resp.Body)
	return string(page), nil, err
}

func firstOf(page, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}
