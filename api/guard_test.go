package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

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
