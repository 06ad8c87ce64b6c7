package identity_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// TestRevocationBySequence: a session that began before a revocation ends by
// it, and one that began after it does not, whatever the clocks of their nodes say.
func TestRevocationBySequence(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, revocation := range map[string]identity.Event{
		"tokens revoked": identity.TokensRevoked{}, "resumed after a suspension": identity.PrincipalResumed{},
	} {
		d, seq := identity.NewDirectory(), uint64(10)
		put := func(id string, e identity.Event, at time.Time) {
			seq += 3
			d.Apply("acme", id, seq, e, at)
		}
		start := identity.SessionStarted{Principal: "ada", Client: "cli", ExpiresAt: noon.Add(time.Hour)}
		live := func(id string) bool {
			_, ok := d.Session(id, noon)
			return ok
		}
		put("acme", identity.TenantCreated{Name: "acme"}, noon)
		put("ada", identity.PrincipalCreated{Kind: domain.Human, Name: "ada"}, noon)
		put("fast", start, noon.Add(time.Minute)) // its node's clock is ahead
		if !live("fast") {
			t.Fatalf("%s: no session", name)
		}
		put("ada", revocation, noon)
		put("slow", start, noon.Add(-time.Minute)) // its node's clock is behind
		if live("fast") || !live("slow") {
			t.Errorf("%s: the session before is live %v, the one after %v", name, live("fast"), live("slow"))
		}
		put("slow", identity.SessionRefreshed{Verifier: "2"}, noon)
		put("ada", identity.PrincipalSuspended{}, noon.Add(-time.Hour))
		if live("slow") {
			t.Errorf("%s: live while suspended", name)
		}
	}
}

// TestSweep: sessions that ended by themselves do not fill the memory, and none
// that is live is forgotten.
func TestSweep(t *testing.T) {
	t.Parallel()
	d, now := identity.NewDirectory(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	most := 0
	for i := range 20_000 {
		now = now.Add(time.Second)
		length := 15 * time.Minute
		if i%1000 == 0 {
			length = 1000 * time.Hour
		}
		d.Apply("acme", strconv.Itoa(i), uint64(i+1), identity.SessionStarted{Principal: "ada", Client: "cli", ExpiresAt: now.Add(length)}, now)
		if i%1000 == 999 {
			most = max(most, len(d.SessionsOf(identity.Ref{Tenant: "acme", ID: "ada"})))
		}
	}
	if most > 10_000 { // 75 minutes of them are kept, and twice as many at most
		t.Errorf("%d sessions were held", most)
	}
	for i := range 20_000 {
		_, live := d.Session(strconv.Itoa(i), now)
		if want := i%1000 == 0 || i > 20_000-15*60; live != want && i != 20_000-15*60 {
			t.Fatalf("session %d is live: %v", i, live)
		}
	}
}

// TestDistrustedKeys: a key may have been retired by an event that cannot be
// read, so that its tokens count in no tenant.
func TestDistrustedKeys(t *testing.T) {
	t.Parallel()
	d, now := identity.NewDirectory(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rotated := func(key string) identity.KeyRotated {
		return identity.KeyRotated{SigningKey: identity.SigningKey{ID: key, Public: "AA"}}
	}
	d.Apply(domain.DefaultTenant, "keyset", 1, rotated("old"), now)
	d.Distrust(domain.DefaultTenant, "keyset", 2)
	if _, ok := d.Keyset().Key("old", now); ok {
		t.Error("tokens of a key that may be retired count")
	}
	d.Apply(domain.DefaultTenant, "keyset", 3, rotated("new"), now)
	if _, ok := d.Keyset().Key("new", now); !ok {
		t.Error("tokens of the key that followed do not count")
	}
}
