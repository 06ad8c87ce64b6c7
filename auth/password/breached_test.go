package password_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/auth/password"
	"github.com/hivemesh/hivemesh/domain"
)

// The SHA-1 of "password" is 5BAA6 and this.
const (
	passwordPrefix = "5BAA6"
	passwordSuffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8"
)

// list serves the range protocol at /range/ by answer.
func list(t *testing.T, answer http.HandlerFunc) (password.Breached, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client := server.Client()
	t.Cleanup(client.CloseIdleConnections)
	ask, err := password.NewRange(password.RangeConfig{URL: server.URL + "/range", Client: client, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return ask, server
}

func TestOnlyThePrefixIsSent(t *testing.T) {
	t.Parallel()
	ask, _ := list(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodGet || r.RequestURI != "/range/"+passwordPrefix || len(body) != 0 || r.Header.Get("Add-Padding") != "true" {
			t.Errorf("%s %s, padding %q, body %q", r.Method, r.RequestURI, r.Header.Get("Add-Padding"), body)
		}
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), passwordSuffix[:8]) {
				t.Errorf("the header %s tells the hash", name)
			}
		}
		fmt.Fprintf(w, "%s:3\r\n%s:52256179\r\n", strings.Repeat("0", 35), passwordSuffix)
	})
	if found, err := ask(t.Context(), "password"); !found || err != nil {
		t.Fatalf("%v, %v", found, err)
	}
}

func TestAnswersOfTheList(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("A", 35)
	for name, c := range map[string]struct {
		body  string
		found bool
		fails bool
	}{
		"found":           {body: other + ":1\r\n" + passwordSuffix + ":1\r\n", found: true},
		"lower case":      {body: strings.ToLower(passwordSuffix) + ":9", found: true},
		"line feeds":      {body: other + ":1\n" + passwordSuffix + ":1\n" + other + ":1\n", found: true},
		"not found":       {body: other + ":1\r\n"},
		"padding":         {body: other + ":1\r\n" + passwordSuffix + ":0\r\n"},
		"empty":           {},
		"a page":          {body: "<html>Sign in to the network</html>", fails: true},
		"a page after it": {body: passwordSuffix + ":1\r\n<html>", fails: true},
		"no count":        {body: passwordSuffix, fails: true},
		"negative count":  {body: passwordSuffix + ":-1", fails: true},
		"whole hash":      {body: passwordPrefix + passwordSuffix + ":1", fails: true},
		"endless line":    {body: strings.Repeat("A", 1<<21), fails: true},
		"a byte too much": {body: strings.Repeat(" ", 5) + strings.Repeat(other+":1\n", 27594) + passwordSuffix + ":1", fails: true},
		"endless lines":   {body: strings.Repeat(other+":1\r\n", 1<<16), fails: true},
	} {
		ask, _ := list(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.body) })
		found, err := ask(t.Context(), "password")
		if found != c.found || (err != nil) != c.fails {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		silent(t, err)
	}
}

// silent checks that err tells nothing of the hash.
func silent(t *testing.T, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), passwordPrefix) || strings.Contains(err.Error(), passwordSuffix)) {
		t.Errorf("the error tells the hash: %v", err)
	}
}

func TestNoAnswerFails(t *testing.T) {
	t.Parallel()
	for _, status := range []int{204, 301, 302, 404, 429, 500, 503} {
		ask, _ := list(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/range/"+passwordPrefix {
				t.Errorf("a redirect is followed to %s", r.URL)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		found, err := ask(t.Context(), "password")
		if found || err == nil {
			t.Errorf("%d: %v, %v", status, found, err)
		}
		silent(t, err)
	}
	ask, server := list(t, func(http.ResponseWriter, *http.Request) {})
	server.Close()
	if found, err := ask(t.Context(), "password"); found || err == nil {
		t.Errorf("no server: %v, %v", found, err)
	} else {
		silent(t, err)
	}
}

// tracking counts the bodies that are open.
type tracking struct {
	base http.RoundTripper
	open *atomic.Int32
}

type body struct {
	io.ReadCloser
	open *atomic.Int32
}

func (k tracking) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := k.base.RoundTrip(r)
	if err == nil {
		k.open.Add(1)
		res.Body = body{res.Body, k.open}
	}
	return res, err
}

func (b body) Close() error {
	b.open.Add(-1)
	return b.ReadCloser.Close()
}

func TestEveryBodyIsClosed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 500} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, "<html>")
		}))
		open := new(atomic.Int32)
		ask, err := password.NewRange(password.RangeConfig{URL: server.URL, Client: &http.Client{Transport: tracking{server.Client().Transport, open}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t.Context(), "password"); err == nil || open.Load() != 0 {
			t.Errorf("%d: %v, %d bodies open", status, err, open.Load())
		}
		server.Close()
	}
}

func TestTheListHasATimeout(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush() // a body that never comes
		<-r.Context().Done()
	}))
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	ask, err := password.NewRange(password.RangeConfig{URL: server.URL, Client: server.Client(), Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	found, err := ask(ctx, "password")
	if found || err == nil || ctx.Err() != nil {
		t.Fatalf("%v, %v, %v", found, err, ctx.Err())
	}
	silent(t, err)
}

func TestNewRangeRefuses(t *testing.T) {
	t.Parallel()
	client := &http.Client{}
	for _, address := range []string{"", "api.example.org/range/", "http://api.example.org/range/", "http://127.0.0.1.example.org/", "ftp://127.0.0.1/", "https:///range/", "https://api.example.org/?prefix=", "https://api.example.org/%zz"} {
		_, err := password.NewRange(password.RangeConfig{URL: address, Client: client})
		if e := failed(t, err, domain.Invalid, "invalid_field"); e.Field != "url" {
			t.Errorf("%s: field %s", address, e.Field)
		}
	}
	_, err := password.NewRange(password.RangeConfig{URL: "https://api.example.org/range/"})
	failed(t, err, domain.Invalid, "invalid_field")
	for _, address := range []string{"https://api.example.org/range/", "http://localhost:8080/range", "http://[::1]:8080/"} {
		if _, err := password.NewRange(password.RangeConfig{URL: address, Client: client}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
