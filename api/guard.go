package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/auth/limit"
	"github.com/hivemesh/hivemesh/domain"
)

// Limits is how much may be asked of one node. A quota of zero is no limit.
type Limits struct {
	Principal limit.Quota // every request of a principal, over HTTP and NATS
	Tenant    limit.Quota // every request of a tenant's principals
	Address   limit.Quota // logins and other requests without a credential, of one address
	Failures  limit.Quota // wrong credentials from one address
	// Proxies are the networks of proxies whose X-Forwarded-For and
	// X-Forwarded-Proto are believed.
	Proxies []netip.Prefix
}

// DefaultLimits hinder nobody who works, and whoever guesses.
func DefaultLimits() Limits {
	return Limits{
		Principal: limit.Quota{PerSecond: 20_000, Burst: 40_000},
		Address:   limit.Quota{PerSecond: 5, Burst: 200},
		Failures:  limit.Quota{PerSecond: 0.5, Burst: 50},
	}
}

// guard holds requests against the limits.
type guard struct {
	principal, tenant, address, failures *limit.Limiter
	limits                               Limits
}

func newGuard(l Limits) *guard {
	return &guard{
		principal: limit.NewLimiter(l.Principal, nil), tenant: limit.NewLimiter(l.Tenant, nil),
		address: limit.NewLimiter(l.Address, nil), failures: limit.NewLimiter(l.Failures, nil), limits: l,
	}
}

// strict sets the headers that every answer has; secure is whether the client
// speaks TLS (RFC 6797, section 7.2, forbids the last header without it).
func strict(h http.Header, secure bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// secure reports whether a client speaks TLS, with the node or with a proxy
// that is trusted.
func (g *guard) secure(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return r.TLS != nil || err == nil && g.trusted(peer.Addr().Unmap()) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// once refuses a query that gives a parameter more than once, since readers
// disagree about which one counts. The types of a feed are the one list.
func once(query url.Values) error {
	for name, values := range query {
		if len(values) > 1 && name != "type" {
			return domain.InvalidField(name, "is given %d times", len(values))
		}
	}
	return nil
}

// admitted takes one request from the quotas of a principal and its tenant.
func (g *guard) admitted(by domain.Actor, h http.Header) error {
	home := by.HomeTenant()
	if err := told("tenant", g.tenant.Take(home, 1), g.limits.Tenant, h); err != nil {
		return err
	}
	return told("principal", g.principal.Take(home+"/"+by.ID, 1), g.limits.Principal, h)
}

// stranger takes one request without a credential from the quota of an address.
func (g *guard) stranger(from netip.Addr, h http.Header) error {
	return told("address", g.address.Take(limit.AddressKey(from), 1), g.limits.Address, h)
}

// guessed takes one wrong credential from the quota of an address.
func (g *guard) guessed(from netip.Addr, h http.Header) error {
	return told("failures", g.failures.Take(limit.AddressKey(from), 1), g.limits.Failures, h)
}

// told writes what is left of a quota (draft-ietf-httpapi-ratelimit-headers),
// and refuses when that is nothing. h may be nil.
func told(name string, v limit.Verdict, q limit.Quota, h http.Header) error {
	if v.Limit == 0 {
		return nil
	}
	if h != nil {
		h.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, name, v.Limit, max(1, int(q.Window().Seconds()))))
		h.Set("RateLimit", fmt.Sprintf(`"%s";r=%d;t=%d`, name, v.Remaining, int(v.Reset.Seconds())))
	}
	if v.Allowed {
		return nil
	}
	return &domain.Error{
		Kind: domain.Limited, Code: "rate_limited", RetryAfter: max(v.RetryAfter, time.Millisecond),
		Message: "too many requests of this " + strings.TrimSuffix(name, "s") + "; Retry-After says when to go on",
	}
}

// from returns where a request comes from: the peer, or, when that is a proxy
// that is trusted, the last address before it that is none.
func (g *guard) from(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := peer.Addr().Unmap()
	if !g.trusted(from) {
		return from
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return from
		}
		if from = hop.Unmap(); !g.trusted(from) {
			return from
		}
	}
	return from
}

func (g *guard) trusted(a netip.Addr) bool {
	for _, p := range g.limits.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
