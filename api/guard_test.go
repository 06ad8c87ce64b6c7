package api

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/domain"
)

func TestAddressBehindProxies(t *testing.T) {
	t.Parallel()
	g := newGuard(Limits{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"nobody in between":        {"192.0.2.1:99", nil, "192.0.2.1"},
		"a stranger claims":        {"192.0.2.1:99", []string{"203.0.113.5"}, "192.0.2.1"},
		"a proxy tells":            {"10.1.1.1:99", []string{"203.0.113.5"}, "203.0.113.5"},
		"the client made one up":   {"10.1.1.1:99", []string{"127.0.0.1, 203.0.113.5"}, "203.0.113.5"},
		"two proxies":              {"10.1.1.1:99", []string{"203.0.113.5, 10.2.2.2"}, "203.0.113.5"},
		"in several headers":       {"10.1.1.1:99", []string{"127.0.0.1", "203.0.113.5"}, "203.0.113.5"},
		"the proxy itself":         {"10.1.1.1:99", nil, "10.1.1.1"},
		"nonsense from the client": {"10.1.1.1:99", []string{"x, 10.3.3.3"}, "10.3.3.3"},
		"mapped":                   {"[::ffff:192.0.2.1]:99", nil, "192.0.2.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := g.from(r); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestQuotasAreTold(t *testing.T) {
	t.Parallel()
	g := newGuard(Limits{Principal: limit.Quota{PerSecond: 0.001, Burst: 2}})
	alice := domain.Actor{Tenant: "acme", ID: "alice"}
	h := http.Header{}
	if err := g.admitted(alice, h); err != nil {
		t.Fatal(err)
	}
	if h.Get("RateLimit") != `"principal";r=1;t=1000` || h.Get("RateLimit-Policy") != `"principal";q=2;w=2000` {
		t.Errorf("%v", h)
	}
	if err := g.admitted(alice, h); err != nil {
		t.Fatal(err)
	}
	err := g.admitted(alice, h)
	if domain.KindOf(err) != domain.Limited {
		t.Errorf("the third: %v", err)
	}
	if err := g.admitted(domain.Actor{Tenant: "acme", ID: "bob"}, h); err != nil {
		t.Errorf("bob: %v", err)
	}
}

func TestStrictTransport(t *testing.T) {
	t.Parallel()
	g := newGuard(Limits{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for name, c := range map[string]struct {
		peer, proto string
		tls         bool
		want        string
	}{
		"plain":                   {"192.0.2.1:99", "", false, ""},
		"TLS":                     {"192.0.2.1:99", "", true, "max-age=31536000; includeSubDomains"},
		"a stranger claims":       {"192.0.2.1:99", "https", false, ""},
		"a proxy tells":           {"10.1.1.1:99", "https", false, "max-age=31536000; includeSubDomains"},
		"a proxy tells otherwise": {"10.1.1.1:99", "http", false, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		h := http.Header{}
		if strict(h, g.secure(r)); h.Get("Strict-Transport-Security") != c.want {
			t.Errorf("%s: %v", name, h)
		}
	}
}

// TestUnforeseenErrors: the caller gets an id, the log the cause, on one line
// whatever stands in it.
func TestUnforeseenErrors(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"plain":      errors.New("dial postgres://mesh:hunter2@db/mesh"),
		"internal":   &domain.Error{Kind: domain.Internal, Code: "bad_seed", Message: "hunter2"},
		"cause":      &domain.Error{Kind: domain.Unavailable, Code: "log_unavailable", Message: "try again", Err: errors.New("hunter2")},
		"many lines": errors.New("hunter2\n{\"level\":\"info\",\"message\":\"forged\"}\r\n\x1b[2J"),
	} {
		var log bytes.Buffer
		p := tell(zerolog.New(&log), "r-1", err)
		w := httptest.NewRecorder()
		p.write(w)
		if body := w.Body.String(); w.Code < 500 || strings.Contains(body, "hunter2") || p.Code == "bad_seed" {
			t.Errorf("%s: the caller gets %d %s", name, w.Code, body)
		}
		var line struct{ Level, Message, Request, Error string }
		if text := log.String(); strings.Count(text, "\n") != 1 || strings.ContainsAny(text, "\r\x1b") || json.Unmarshal(log.Bytes(), &line) != nil {
			t.Errorf("%s: the log gets %q", name, text)
		}
		if line.Request != "r-1" || !strings.Contains(line.Error, "hunter2") || line.Message == "forged" {
			t.Errorf("%s: the log gets %+v", name, line)
		}
	}
}

// TestPanics: a panic is an answer like other unforeseen errors, and the node
// goes on.
func TestPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := &API{cfg: Config{Log: zerolog.New(&log)}, guard: newGuard(Limits{}), mux: http.NewServeMux()}
	a.metrics = newMetrics(a)
	a.mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) { panic("hunter2") })
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if body := w.Body.String(); w.Code != http.StatusInternalServerError || strings.Contains(body, "hunter2") || strings.Contains(body, ".go") {
		t.Errorf("%d %s", w.Code, body)
	}
	if !strings.Contains(log.String(), "hunter2") {
		t.Error("the log does not have the panic")
	}
}
