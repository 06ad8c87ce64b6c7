package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// foldPrincipal applies events a minute apart.
func foldPrincipal(events ...identity.PrincipalEvent) identity.Principal {
	p := identity.Principal{ID: aliceID}
	for i, e := range events {
		p = p.Apply(e, instant(i))
	}
	return p
}

func alice(more ...identity.PrincipalEvent) []identity.PrincipalEvent {
	return append([]identity.PrincipalEvent{identity.PrincipalCreated{Kind: domain.Human, Name: "alice"}}, more...)
}

func key(id string) identity.Credential {
	return identity.Credential{ID: id, Type: identity.CredentialAPIKey, Verifier: digest}
}

func has(c identity.Credential) identity.PrincipalEvent { return identity.CredentialSet{Credential: c} }

type principalDecision func(identity.Principal) ([]identity.PrincipalEvent, error)

type principalCase struct {
	name    string
	given   []identity.PrincipalEvent
	when    principalDecision
	then    []identity.PrincipalEvent
	refusal string
}

func runPrincipal(t *testing.T, cases []principalCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when(foldPrincipal(tt.given...))
			check(t, got, err, tt.then, tt.refusal)
		})
	}
}

func TestPrincipalLife(t *testing.T) {
	t.Parallel()
	create := func(kind domain.ActorKind, name, owner string) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.Create(kind, name, owner) }
	}
	suspend := func(reason string) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.Suspend(reason) }
	}
	tooLong := strings.Repeat("r", identity.MaxReason+1)
	runPrincipal(t, []principalCase{
		{"a person", nil, create(domain.Human, "alice", ""), alice(), ""},
		{"an agent", nil, create(domain.Agent, "bot", aliceID), []identity.PrincipalEvent{identity.PrincipalCreated{Kind: domain.Agent, Name: "bot", Owner: aliceID}}, ""},
		{"created again", alice(), create(domain.Human, "alice", ""), nil, ""},
		{"created as another", alice(), create(domain.Human, "alicia", ""), nil, "principal_exists"},
		{"created as another kind", alice(), create(domain.Agent, "alice", aliceID), nil, "principal_exists"},
		{"no name", nil, create(domain.Human, "", ""), nil, "invalid:name"},
		{"a person with an owner", nil, create(domain.Human, "alice", robotID), nil, "invalid:owner"},
		{"an agent without", nil, create(domain.Agent, "bot", ""), nil, "invalid:owner"},
		{"a service without", nil, create(domain.Service, "bot", ""), nil, "invalid:owner"},
		{"the mesh itself", nil, create(domain.System, "root", aliceID), nil, "invalid:kind"},
		{"suspended", alice(), suspend("stolen"), []identity.PrincipalEvent{identity.PrincipalSuspended{Reason: "stolen"}}, ""},
		{"suspended twice", alice(identity.PrincipalSuspended{}), suspend(""), nil, ""},
		{"suspended while unknown", nil, suspend(""), nil, "principal_not_found"},
		{"suspended for too long a reason", alice(), suspend(tooLong), nil, "invalid:reason"},
		{"resumed", alice(identity.PrincipalSuspended{}), identity.Principal.Resume, []identity.PrincipalEvent{identity.PrincipalResumed{}}, ""},
		{"resumed without need", alice(), identity.Principal.Resume, nil, ""},
		{"resumed while unknown", nil, identity.Principal.Resume, nil, "principal_not_found"},
	})
	resumed := foldPrincipal(alice(identity.PrincipalSuspended{}, identity.PrincipalResumed{})...)
	if resumed.Suspended || !resumed.NotBefore.Equal(instant(2)) {
		t.Errorf("tokens from before the end of a suspension count: %+v", resumed)
	}
}

func TestSetTeams(t *testing.T) {
	t.Parallel()
	set := func(teams ...string) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.SetTeams(teams) }
	}
	are := func(teams ...string) identity.PrincipalEvent { return identity.TeamsSet{Teams: teams} }
	most := make([]string, identity.MaxTeams)
	for i := range most {
		most[i] = fmt.Sprintf("t%02d", i)
	}
	runPrincipal(t, []principalCase{
		{"first", alice(), set("red", "blue", "red"), []identity.PrincipalEvent{are("blue", "red")}, ""},
		{"the same", alice(are("blue", "red")), set("red", "blue"), nil, ""},
		{"others", alice(are("blue", "red")), set("green"), []identity.PrincipalEvent{are("green")}, ""},
		{"none", alice(are("blue")), set(), []identity.PrincipalEvent{are()}, ""},
		{"none as before", alice(), set(), nil, ""},
		{"while suspended", alice(are("blue"), identity.PrincipalSuspended{}), set(), []identity.PrincipalEvent{are()}, ""},
		{"as many as there may be", alice(), set(most...), []identity.PrincipalEvent{are(most...)}, ""},
		{"too many", alice(), set(append(most, "one-more")...), nil, "invalid:teams"},
		{"no name", alice(), set(""), nil, "invalid:teams"},
		{"a name with a space", alice(), set("blue team"), nil, "invalid:teams"},
		{"unknown principal", nil, set("blue"), nil, "principal_not_found"},
	})
}

func TestTeamsOf(t *testing.T) {
	t.Parallel()
	d := newWorld(t)
	for _, tenant := range []string{"acme", "beta"} {
		d.person(tenant, "alice", domain.Human)
	}
	d.apply("acme", "alice", identity.TeamsSet{Teams: []string{"blue"}})
	for who, want := range map[identity.Ref][]string{{Tenant: "acme", ID: "alice"}: {"blue"}, {Tenant: "beta", ID: "alice"}: nil, {Tenant: "acme", ID: "bob"}: nil} {
		if got := d.Teams(who.Tenant, who.ID); !slices.Equal(got, want) {
			t.Errorf("%v is in %v", who, got)
		}
	}
	d.apply("acme", "alice", identity.TeamsSet{})
	if got := d.Teams("acme", "alice"); len(got) > 0 {
		t.Errorf("out of all teams, still in %v", got)
	}
}

func TestSetCredential(t *testing.T) {
	t.Parallel()
	set := func(change func(*identity.Credential)) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			c := key("k")
			change(&c)
			return p.SetCredential(c, instant(30))
		}
	}
	of := func(typ identity.CredentialType, change func(*identity.Credential)) principalDecision {
		return set(func(c *identity.Credential) {
			c.Type, c.Verifier = typ, ""
			change(c)
		})
	}
	plain := func(*identity.Credential) {}
	full := alice()
	for i := range identity.MaxCredentials - 1 {
		full = append(full, has(key(fmt.Sprintf("k%d", i))))
	}
	wanted := func(change func(*identity.Credential)) []identity.PrincipalEvent {
		c := key("k")
		change(&c)
		return []identity.PrincipalEvent{has(c)}
	}
	limited := func(c *identity.Credential) {
		c.Scopes, c.Networks, c.ExpiresAt = []string{"task.*"}, []string{"10.0.0.0/8", "::1/128"}, instant(31)
	}
	runPrincipal(t, []principalCase{
		{"plain", alice(), set(plain), wanted(plain), ""},
		{"limited", alice(), set(limited), wanted(limited), ""},
		{"replaced", alice(has(key("k"))), set(limited), wanted(limited), ""},
		{"unknown principal", nil, set(plain), nil, "principal_not_found"},
		{"suspended", alice(identity.PrincipalSuspended{}), set(plain), nil, "principal_suspended"},
		{"the last that fits", full, set(plain), wanted(plain), ""},
		{"too many", append(slices.Clone(full), has(key("last"))), set(plain), nil, "invalid:credential"},
		{"one of the full number replaced", append(slices.Clone(full), has(key("k"))), set(plain), wanted(plain), ""},
		{"no id", alice(), set(func(c *identity.Credential) { c.ID = "" }), nil, "invalid:credential"},
		{"name with a control character", alice(), set(func(c *identity.Credential) { c.Name = "a\nb" }), nil, "invalid:name"},
		{"scope that is no action", alice(), set(func(c *identity.Credential) { c.Scopes = []string{"all"} }), nil, "invalid:scopes"},
		{"network without a size", alice(), set(func(c *identity.Credential) { c.Networks = []string{"10.0.0.1"} }), nil, "invalid:networks"},
		{"until now", alice(), set(func(c *identity.Credential) { c.ExpiresAt = instant(30) }), nil, "invalid:expires_at"},
		{"until a year that cannot be written", alice(), set(func(c *identity.Credential) { c.ExpiresAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) }), nil, "invalid:expires_at"},
		{"an API key in the clear", alice(), set(func(c *identity.Credential) { c.Verifier = "hm_secret" }), nil, "invalid:credential"},
		{"an API key's short digest", alice(), set(func(c *identity.Credential) { c.Verifier = digest[:62] }), nil, "invalid:credential"},
		{"a password in the clear", alice(), of(identity.CredentialPassword, func(c *identity.Credential) { c.Verifier = "hunter2" }), nil, "invalid:credential"},
		{"a seed that is not sealed", alice(), of(identity.CredentialTOTP, func(c *identity.Credential) { c.Verifier = "JBSWY3DP" }), nil, "invalid:credential"},
		{"recovery codes without salt", alice(), of(identity.CredentialRecovery, func(c *identity.Credential) { c.Codes = []string{digest} }), nil, "invalid:credential"},
		{"no recovery codes", alice(), of(identity.CredentialRecovery, func(c *identity.Credential) { c.Verifier = "salt" }), nil, "invalid:credential"},
		{"a passkey without key", alice(), of(identity.CredentialPasskey, plain), nil, "invalid:credential"},
		{"an account without subject", alice(), of(identity.CredentialOIDC, plain), nil, "invalid:credential"},
		{"a key pair without key", alice(), of(identity.CredentialKeyPair, plain), nil, "invalid:credential"},
		{"an unknown type", alice(), of("magic", func(c *identity.Credential) { c.Public, c.Verifier = public, digest }), nil, "invalid:credential"},
	})
	for typ, change := range map[identity.CredentialType]func(*identity.Credential){
		identity.CredentialPassword: func(c *identity.Credential) { c.Verifier = "$argon2id$v=19$x" },
		identity.CredentialTOTP:     func(c *identity.Credential) { c.Sealed = "c2VhbGVk" },
		identity.CredentialRecovery: func(c *identity.Credential) { c.Codes, c.Verifier = []string{digest}, "salt" },
		identity.CredentialPasskey:  func(c *identity.Credential) { c.Public = public },
		identity.CredentialOIDC:     func(c *identity.Credential) { c.Public = "https://idp.example 1" },
		identity.CredentialKeyPair:  func(c *identity.Credential) { c.Public = public },
	} {
		events, err := of(typ, change)(foldPrincipal(alice()...))
		if err != nil || len(events) != 1 || len(foldPrincipal(alice(events...)...).Of(typ)) != 1 {
			t.Errorf("%s: %v, %v", typ, events, err)
		}
	}
}

func TestRemoveAndUseCredential(t *testing.T) {
	t.Parallel()
	remove := func(id, reason string) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.RemoveCredential(id, reason) }
	}
	use := func(id string, step int64, at time.Time) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			return p.UseCredential(id, "a1b2", step, at)
		}
	}
	used := func(step int64) []identity.PrincipalEvent {
		return []identity.PrincipalEvent{identity.CredentialUsed{Credential: "k", Source: "a1b2", Step: step}}
	}
	spend := func(id, code string) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.SpendRecovery(id, code) }
	}
	codes := identity.Credential{ID: "r", Type: identity.CredentialRecovery, Verifier: "salt", Codes: []string{"1", "2", "3"}}
	left := codes
	left.Codes = []string{"1", "3"}
	one := alice(has(key("k"))) // the use below is at minute 2
	told := append(slices.Clone(one), used(7)...)
	runPrincipal(t, []principalCase{
		{"removed", one, remove("k", "old"), []identity.PrincipalEvent{identity.CredentialRemoved{Credential: "k", Reason: "old"}}, ""},
		{"removed twice", alice(has(key("k")), identity.CredentialRemoved{Credential: "k"}), remove("k", ""), nil, "credential_not_found"},
		{"reason too long", one, remove("k", strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
		{"used", one, use("k", 0, instant(2)), used(0), ""},
		{"used within the hour", told, use("k", 0, instant(2+59)), nil, ""},
		{"used an hour later", told, use("k", 0, instant(2+60)), used(0), ""},
		{"unknown used", one, use("x", 0, instant(2)), nil, "credential_not_found"},
		{"a code", told, use("k", 8, instant(2)), used(8), ""},
		{"the same code", told, use("k", 7, instant(50)), nil, "code_used"},
		{"an earlier code", told, use("k", 6, instant(50)), nil, "code_used"},
		{"the same code of a factor that was set anew", append(slices.Clone(told), identity.CredentialRemoved{Credential: "k"}, has(key("k"))), use("k", 7, instant(50)), nil, "code_used"},
		{"a code is spent", alice(has(codes)), spend("r", "2"), []identity.PrincipalEvent{has(left)}, ""},
		{"a code is spent twice", alice(has(codes), has(left)), spend("r", "2"), nil, "code_used"},
		{"a code of no set", alice(), spend("r", "2"), nil, "credential_not_found"},
	})
	if !slices.Equal(codes.Codes, []string{"1", "2", "3"}) {
		t.Errorf("the codes of an earlier state were changed: %v", codes.Codes)
	}
}

func TestProveCredential(t *testing.T) {
	t.Parallel()
	was := identity.Credential{ID: "p", Type: identity.CredentialPasskey, Name: "phone", Public: "count 1"}
	is, later := was, was
	is.Public, later.Public = "count 2", "count 3"
	prove := func(was, is identity.Credential) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			return p.ProveCredential(was, is, "a1b2", instant(2))
		}
	}
	used := identity.CredentialUsed{Credential: "p", Source: "a1b2"}
	other := is
	other.ID = "q"
	widened := is
	widened.Scopes, widened.Name = []string{"task.read"}, "other"
	runPrincipal(t, []principalCase{
		{"without a change", alice(has(was)), prove(was, was), []identity.PrincipalEvent{used}, ""},
		{"counted", alice(has(was)), prove(was, is), []identity.PrincipalEvent{used, has(is)}, ""},
		{"counted within the hour", alice(has(was), used), prove(was, is), []identity.PrincipalEvent{has(is)}, ""},
		{"nothing else changes", alice(has(was), used), prove(was, widened), []identity.PrincipalEvent{has(is)}, ""},
		{"from a count that is past", alice(has(was), has(is)), prove(was, later), nil, "credential_changed"},
		{"removed meanwhile", alice(has(was), identity.CredentialRemoved{Credential: "p"}), prove(was, is), nil, "credential_changed"},
		{"suspended meanwhile", alice(has(was), identity.PrincipalSuspended{}), prove(was, was), nil, "credential_changed"},
		{"as another", alice(has(was)), prove(was, other), nil, "credential_changed"},
	})
}

func TestFailuresAndTokens(t *testing.T) {
	t.Parallel()
	fail := func(until, at time.Time) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) {
			return p.Fail(identity.CredentialPassword, "a1b2", until, at)
		}
	}
	failed := identity.CredentialFailed{Of: identity.CredentialPassword, Source: "a1b2"}
	locked := identity.LockedOut{Until: instant(40), Source: "a1b2"}
	revokeAll := func(reason string) principalDecision {
		return func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.RevokeTokens(reason) }
	}
	revoke := func(p identity.Principal) ([]identity.PrincipalEvent, error) { return p.RevokeToken("t", instant(40)) }
	revoked := identity.TokenRevoked{Token: "t", ExpiresAt: instant(40)}
	runPrincipal(t, []principalCase{
		{"failed", alice(), fail(never, instant(1)), []identity.PrincipalEvent{failed}, ""},
		{"failed again within ten seconds", alice(failed), fail(never, instant(1).Add(9*time.Second)), nil, ""},
		{"failed again after ten seconds", alice(failed), fail(never, instant(1).Add(10*time.Second)), []identity.PrincipalEvent{failed}, ""},
		{"a lock-out is always told", alice(failed), fail(instant(40), instant(1)), []identity.PrincipalEvent{locked}, ""},
		{"failed and locked out", alice(), fail(instant(40), instant(1)), []identity.PrincipalEvent{failed, locked}, ""},
		{"unknown failed", nil, fail(never, instant(1)), nil, "principal_not_found"},
		{"all tokens", alice(), revokeAll("lost"), []identity.PrincipalEvent{identity.TokensRevoked{Reason: "lost"}}, ""},
		{"all tokens of nobody", nil, revokeAll(""), nil, "principal_not_found"},
		{"all tokens for too long a reason", alice(), revokeAll(strings.Repeat("r", identity.MaxReason+1)), nil, "invalid:reason"},
		{"one token", alice(), revoke, []identity.PrincipalEvent{revoked}, ""},
		{"one token twice", alice(revoked), revoke, nil, ""},
		{"one token of nobody", nil, revoke, nil, "principal_not_found"},
	})
	brief := identity.TokenRevoked{Token: "brief", ExpiresAt: instant(2)}
	if p := foldPrincipal(alice(brief, revoked)...); len(p.Revoked) != 1 {
		t.Errorf("revoked tokens that have expired are kept: %v", p.Revoked)
	}
}
