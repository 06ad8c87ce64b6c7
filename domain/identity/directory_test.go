package identity_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// view is everything that a directory tells about the ids of a test.
type view struct {
	Tenants     []identity.Tenant
	Principals  map[string][]identity.Principal
	Invitations map[string][]identity.InvitationOf
	Sessions    map[string]identity.SessionOf
	Owners      map[string]identity.Ref
	Keys        identity.Keyset
	Rights      map[identity.Ref]identity.Rights
}

// byID orders principals: here names are not unique.
var byID = cmpopts.SortSlices(func(a, b identity.Principal) bool { return a.ID < b.ID })

var ids = []string{"a", "b", "c"}

func (w *world) view() view {
	v := view{
		Tenants: w.Tenants(), Keys: w.Keyset(), Principals: map[string][]identity.Principal{}, Invitations: map[string][]identity.InvitationOf{},
		Sessions: map[string]identity.SessionOf{}, Owners: map[string]identity.Ref{}, Rights: map[identity.Ref]identity.Rights{},
	}
	for _, tenant := range []string{domain.DefaultTenant, "acme"} {
		v.Principals[tenant], v.Invitations[tenant] = w.PrincipalsOf(tenant), w.InvitationsOf(tenant, instant(2))
		for _, id := range ids {
			v.Rights[identity.Ref{Tenant: tenant, ID: id}] = w.RightsOf(of(tenant, id), instant(2))
		}
	}
	for _, id := range append([]string{"s", "i", "key-1"}, ids...) {
		if s, ok := w.Session(id, instant(2)); ok {
			v.Sessions[id] = s
		}
		v.Owners["key "+id], _, _ = w.KeyOwner(id)
		v.Owners["passkey "+id], _, _ = w.CredentialOwner(id)
	}
	return v
}

// scramble applies any events about any entities, in an order that no decision
// would bring about.
func scramble(r *rapid.T, w *world) (tenant, id string, e identity.Event) {
	tenant = rapid.SampledFrom([]string{domain.DefaultTenant, "acme"}).Draw(r, "tenant")
	id = rapid.SampledFrom(append([]string{"s", "i", "tenant-" + tenant}, ids...)).Draw(r, "id")
	all := append(examples(), granted("a", identity.RoleTenantAdmin, never), granted("b", "night-shift", never),
		identity.PrincipalCreated{Kind: domain.Human, Name: "x"})
	e = rapid.SampledFrom(all).Draw(r, "event")
	w.apply(tenant, id, e)
	return tenant, id, e
}

func TestAnEventTwiceIsTheEventOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 20).Draw(r, "events") {
			tenant, id, e := scramble(r, w)
			before := w.view()
			seq := rapid.Uint64Range(0, w.seq).Draw(r, "seq")
			if _, restricted := w.Apply(tenant, id, seq, e, instant(9)); restricted {
				r.Fatal("an event that was there restricts again")
			}
			w.Distrust(tenant, id, seq)
			if diff := cmp.Diff(before, w.view(), cmpopts.EquateEmpty(), byID); diff != "" || w.Seq() != w.seq {
				r.Fatalf("%s about %s again, at %d of %d (-before +after):\n%s", e.Type(), id, seq, w.seq, diff)
			}
		}
	})
}

func TestDistrustNeverWidens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		for _, id := range ids {
			w.person(domain.DefaultTenant, id, domain.Human, identity.RoleSuperAdmin)
			w.person("acme", id, domain.Agent, identity.RoleTenantAdmin)
		}
		for range rapid.IntRange(1, 20).Draw(r, "events") {
			scramble(r, w)
			if rapid.IntRange(0, 3).Draw(r, "distrust") > 0 {
				continue
			}
			before := w.view()
			w.distrust(rapid.SampledFrom([]string{domain.DefaultTenant, "acme"}).Draw(r, "of"), rapid.SampledFrom(append([]string{"s", "i", "x"}, ids...)).Draw(r, "about"))
			after := w.view()
			for ref, now := range after.Rights {
				for action := range now {
					if !before.Rights[ref][action] {
						r.Fatalf("%v got %s by distrust", ref, action)
					}
				}
			}
			if len(after.Sessions) > len(before.Sessions) || len(after.Invitations["acme"]) > len(before.Invitations["acme"]) {
				r.Fatal("distrust opened something")
			}
		}
	})
}

func TestWhomDistrustStops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, tenant, id string
		stopped          []string
	}{
		{"a principal", "acme", "dev", []string{"dev"}},
		{"the tenant", "acme", "tenant-acme", []string{"dev", "admin", "root abroad"}},
		{"what is not known", "acme", "x", []string{"dev", "admin", "root abroad"}},
		{"the default tenant", domain.DefaultTenant, "x", []string{"root", "root abroad"}},
		{"a super admin", domain.DefaultTenant, "root", []string{"root", "root abroad"}},
		{"a session", "acme", "s", nil},
		{"an invitation", "acme", "i", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := populated(t)
			d.apply("acme", "s", identity.SessionStarted{Principal: "dev", ExpiresAt: instant(50)})
			d.apply("acme", "i", issued()[0])
			d.distrust(tt.tenant, tt.id)
			for who, by := range map[string]domain.Actor{
				"dev": of("acme", "dev"), "admin": of("acme", "admin"), "root": of(domain.DefaultTenant, "root"),
				"root abroad": abroad("acme", domain.DefaultTenant, "root"),
			} {
				if got := d.Decide(by, "task.read", identity.Resource{}, instant(2)); got.Allowed == slices.Contains(tt.stopped, who) {
					t.Errorf("%s: %+v", who, got)
				}
				if own := d.Decide(by, identity.ActionKnown, identity.Resource{}, instant(2)); own.Allowed == slices.Contains(tt.stopped, who) {
					t.Errorf("%s, who one is: %+v", who, own)
				}
			}
			if _, open := d.Session("s", instant(2)); open == (tt.id == "s") {
				t.Errorf("the session counts: %t", open)
			}
			if _, open := d.Invitation("i", instant(2)); open == (tt.id == "i") {
				t.Errorf("the invitation is open: %t", open)
			}
		})
	}
}

// Who loses something by an event is told, so that what it holds open is cut.
func TestRestrictions(t *testing.T) {
	t.Parallel()
	limited := func(change func(*identity.Credential)) identity.Event {
		c := key("k")
		change(&c)
		return has(c)
	}
	everybody, dev := &identity.Ref{Tenant: "acme"}, &identity.Ref{Tenant: "acme", ID: "dev"}
	for _, tt := range []struct {
		name, id string
		e        identity.Event
		who      *identity.Ref // nil = nobody
	}{
		{"tenant suspended", "tenant-acme", identity.TenantSuspended{}, everybody},
		{"role removed", "tenant-acme", identity.RoleRemoved{Role: "speaker"}, everybody},
		{"role changed", "tenant-acme", defined("speaker", "task.read"), everybody},
		{"role new", "tenant-acme", defined("other", "task.read"), nil},
		{"policy set", "tenant-acme", identity.PolicySet{Name: "p"}, everybody},
		{"policy removed, which may have permitted", "tenant-acme", identity.PolicyRemoved{Name: "p"}, everybody},
		{"role revoked", "tenant-acme", identity.RoleRevoked{Grant: grant("dev", "developer")}, dev},
		{"role granted", "tenant-acme", granted("dev", "viewer", never), nil},
		{"grant given an end", "tenant-acme", granted("dev", identity.RoleDeveloper, instant(3)), dev},
		{"out of one team, into another", "dev", identity.TeamsSet{Teams: []string{"blue", "green"}}, dev},
		{"out of every team", "dev", identity.TeamsSet{}, dev},
		{"into one more team", "dev", identity.TeamsSet{Teams: []string{"blue", "green", "red"}}, nil},
		{"into a first team", "admin", identity.TeamsSet{Teams: []string{"blue"}}, nil},
		{"principal suspended", "dev", identity.PrincipalSuspended{}, dev},
		{"credential removed", "dev", identity.CredentialRemoved{Credential: "k"}, dev},
		{"credential the same", "dev", has(key("k")), nil},
		{"credential new", "dev", has(key("k2")), nil},
		{"credential given an end", "dev", limited(func(c *identity.Credential) { c.ExpiresAt = instant(3) }), dev},
		{"credential limited to actions", "dev", limited(func(c *identity.Credential) { c.Scopes = []string{"task.read"} }), dev},
		{"credential limited to networks", "dev", limited(func(c *identity.Credential) { c.Networks = []string{"10.0.0.0/8"} }), dev},
		{"all tokens revoked", "dev", identity.TokensRevoked{}, dev},
		{"a token revoked", "dev", identity.TokenRevoked{}, dev},
		{"session ended", "s", identity.SessionEnded{}, dev},
		{"session reused", "s", identity.ReuseDetected{}, dev},
		{"delegation ended", "delegation", identity.SessionEnded{}, &identity.Ref{Tenant: "acme", ID: "bot"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := populated(t)
			d.apply("acme", "dev", has(key("k")))
			d.apply("acme", "dev", identity.TeamsSet{Teams: []string{"blue", "red"}})
			d.apply("acme", "s", identity.SessionStarted{Principal: "dev", ExpiresAt: instant(50)})
			d.apply("acme", "delegation", identity.SessionStarted{Principal: "dev", Actor: "bot", ExpiresAt: instant(50)})
			who, restricted := d.apply("acme", tt.id, tt.e)
			if restricted != (tt.who != nil) || restricted && who != *tt.who {
				t.Errorf("%v, %t; want %v", who, restricted, tt.who)
			}
		})
	}
}

func TestCredentialsAreFoundByTheirID(t *testing.T) {
	t.Parallel()
	d := populated(t)
	dev, admin := identity.Ref{Tenant: "acme", ID: "dev"}, identity.Ref{Tenant: "acme", ID: "admin"}
	passkey := identity.Credential{ID: "k", Type: identity.CredentialPasskey, Public: public}
	expect := func(step string, key, pass *identity.Ref) {
		t.Helper()
		for kind, tt := range map[string]struct {
			find func(string) (identity.Ref, identity.Credential, bool)
			want *identity.Ref
		}{"key": {d.KeyOwner, key}, "passkey": {d.CredentialOwner, pass}} {
			ref, c, ok := tt.find("k")
			if ok != (tt.want != nil) || ok && (ref != *tt.want || c.ID != "k") {
				t.Errorf("%s: the %s is of %v (%t), want %v", step, kind, ref, ok, tt.want)
			}
		}
	}
	d.apply("acme", "dev", has(key("k")))
	expect("set", &dev, nil)
	d.apply("acme", "admin", has(key("k")))
	expect("another sets one of the same id", &dev, nil)
	d.apply("acme", "admin", identity.CredentialRemoved{Credential: "k"})
	expect("the other removes it", &dev, nil)
	d.apply("acme", "dev", has(passkey))
	expect("another type", nil, &dev)
	d.apply("acme", "dev", identity.CredentialRemoved{Credential: "k"})
	expect("removed", nil, nil)
	d.apply("acme", "admin", has(passkey))
	expect("free again", nil, &admin)
}

func TestAwait(t *testing.T) {
	t.Parallel()
	d := newWorld(t)
	if err := d.Await(t.Context(), d.Seq()); err != nil {
		t.Errorf("what is there: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := d.Await(ended, d.Seq()+1); !errors.Is(err, context.Canceled) {
		t.Errorf("what is not there: %v", err)
	}
	done := make(chan error)
	go func() { done <- d.Await(t.Context(), d.seq+2) }()
	d.Apply("acme", "tenant-acme", d.Seq()+1, identity.TenantSuspended{}, instant(1))
	d.Distrust("acme", "x", d.Seq()+1)
	if err := <-done; err != nil {
		t.Errorf("what came: %v", err)
	}
}
