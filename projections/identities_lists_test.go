package projections_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

func collectTexts(t *testing.T, rows pgx.Rows) []string {
	t.Helper()
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestSessions: why a session is of no more use is in its row, or in that of
// its principal, or nowhere but in the time.
func TestSessions(t *testing.T) {
	t.Parallel()
	a := startAcme(t)
	later := time.Now().Add(time.Hour)
	start := func(who string, ends time.Time, then ...identity.Event) string {
		id := uuid.NewString()
		a.put(t, id, append([]identity.Event{identity.SessionStarted{
			Principal: who, Client: "mesh-cli", Methods: []string{"pwd", "otp"}, Scopes: []string{"task.*"}, Verifier: "1", ExpiresAt: ends,
		}}, then...)...)
		return id
	}
	ada, bob, eve := a.person(t, "ada"), a.person(t, "bob"), a.person(t, "eve")
	want := map[string][]string{
		"live":    {start(ada, later, identity.SessionRefreshed{Verifier: "2"})},
		"expired": {start(ada, at().Add(time.Hour))},
		"ended":   {start(ada, later, identity.SessionEnded{Reason: "logged out"})},
		"reused":  {start(ada, later, identity.SessionRefreshed{Verifier: "2"}, identity.ReuseDetected{})},
		"revoked": {start(bob, later), start(eve, later)},
	}
	a.put(t, bob, identity.TokensRevoked{Reason: "lost"})
	a.put(t, eve, identity.PrincipalSuspended{})
	want["live"] = append(want["live"], start(bob, later))
	list := func(tenant string, q projections.Query) (projections.Page[projections.Session], error) {
		return a.p.Sessions(t.Context(), tenant, q)
	}
	id := func(s projections.Session) string { return s.ID }
	for state, ids := range want {
		got := names(t, a, list, "state:"+state, id)
		if len(ids) == 2 {
			ids = []string{ids[1], ids[0]} // the newest first
		}
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
	}
	a.put(t, eve, identity.PrincipalResumed{})
	if got := names(t, a, list, "principal:"+eve+" state:live", id); len(got) > 0 {
		t.Errorf("live again with the principal: %v", got)
	}
	page, err := a.p.Sessions(t.Context(), "acme", projections.Query{After: a.last, Filter: "state:ended"})
	if err != nil {
		t.Fatal(err)
	}
	ended, s := at(), page.Items[0]
	whole := projections.Session{
		ID: want["ended"][0], Principal: ada, Name: "ada", Client: "mesh-cli", Methods: []string{"pwd", "otp"}, Scopes: []string{"task.*"},
		State: "ended", Reason: "logged out", StartedAt: at(), ExpiresAt: s.ExpiresAt, EndedAt: &ended, First: s.First, Seq: s.First + 1,
	}
	if diff := cmp.Diff(whole, s); diff != "" {
		t.Error(diff)
	}
	all := everything(t, of("acme", a.p.Sessions), projections.Query{})
	if len(all) != 7 {
		t.Errorf("%d sessions in pages", len(all))
	}
}

// TestInvitations: rows and states.
func TestInvitations(t *testing.T) {
	t.Parallel()
	a := startAcme(t)
	later := time.Now().Add(time.Hour)
	issue := func(ends time.Time, then ...identity.Event) string {
		id := uuid.NewString()
		a.put(t, id, append([]identity.Event{identity.InvitationIssued{
			Kind: domain.Agent, Name: "crawler", Owner: "ada", Roles: []string{identity.RoleDeveloper}, Verifier: "1", IssuedBy: "ada", ExpiresAt: ends,
		}}, then...)...)
		return id
	}
	list := func(tenant string, q projections.Query) (projections.Page[projections.Invitation], error) {
		return a.p.Invitations(t.Context(), tenant, q)
	}
	for state, id := range map[string]string{
		"open": issue(later), "expired": issue(at().Add(time.Hour)), "used": issue(later, identity.InvitationUsed{Principal: "bob"}),
		"revoked": issue(later, identity.InvitationRevoked{Reason: "mistake"}),
	} {
		if got := names(t, a, list, "role:developer state:"+state, func(i projections.Invitation) string { return i.ID }); !cmp.Equal(got, []string{id}) {
			t.Errorf("%s: %v, want %s", state, got, id)
		}
	}
	page, err := a.p.Invitations(t.Context(), "acme", projections.Query{Filter: "state:used"})
	if err != nil {
		t.Fatal(err)
	}
	used, i := at(), page.Items[0]
	want := projections.Invitation{
		ID: i.ID, Kind: "agent", Name: "crawler", Owner: "ada", Roles: []string{"developer"}, State: "used", IssuedBy: "ada", IssuedAt: at(),
		ExpiresAt: i.ExpiresAt, UsedBy: "bob", UsedAt: &used, First: i.First, Seq: i.First + 1,
	}
	if diff := cmp.Diff(want, i); diff != "" {
		t.Error(diff)
	}
}

// TestRights: tenants, roles, grants and policies. A role that is removed is
// held by nobody when it comes back, also within one decision.
func TestRights(t *testing.T) {
	t.Parallel()
	a := startAcme(t)
	ada := a.person(t, "ada")
	role := func(description string) identity.RoleDefined {
		return identity.RoleDefined{Role: identity.Role{Name: "release", Description: description, Permissions: []string{"task.*"}}}
	}
	held := identity.RoleGranted{Grant: identity.Grant{Principal: ada, Role: "release"}}
	viewer := identity.RoleGranted{Grant: identity.Grant{Principal: ada, Role: identity.RoleViewer}, ExpiresAt: at().Add(time.Hour)}
	policy := identity.PolicySet{Name: "quiet", Version: 1, Text: "forbid;\nall"}
	a.put(t, a.tenant, role("old"), held, viewer, policy, identity.TenantSuspended{Reason: "unpaid"})
	ends := at().Add(time.Hour)
	grants := []projections.Grant{
		{Principal: ada, Name: "ada", Role: "release", Active: true, GrantedBy: "root", GrantedAt: at()},
		{Principal: ada, Name: "ada", Role: "viewer", GrantedBy: "root", GrantedAt: at(), EndsAt: &ends},
	}
	a.rightsAre(t, grants, "old", 1)
	a.put(t, a.tenant, identity.RoleRemoved{Role: "release"}, role("new"), identity.PolicyRemoved{Name: "quiet"}, identity.TenantResumed{})
	a.rightsAre(t, grants[1:], "new", 0)
	a.put(t, a.tenant, held, identity.RoleRemoved{Role: "release"}, role("newer"), held, identity.RoleRevoked{Grant: viewer.Grant}, policy)
	a.rightsAre(t, grants[:1], "newer", 1)
	a.mustVerify(t)
	tenants, err := a.p.Tenants(t.Context(), projections.Query{After: a.last, Filter: "suspended:false"})
	want := []projections.Tenant{{Name: "acme", Title: "Acme", CreatedAt: at(), UpdatedAt: at(), Seq: a.last}}
	if diff := cmp.Diff(want, tenants.Items); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func (a *acme) rightsAre(t *testing.T, grants []projections.Grant, description string, policies int) {
	t.Helper()
	q := projections.Query{After: a.last}
	gotGrants, err := a.p.Grants(t.Context(), "acme", q)
	if diff := cmp.Diff(grants, gotGrants.Items); diff != "" || err != nil {
		t.Errorf("grants: %v %s", err, diff)
	}
	roles, err := a.p.Roles(t.Context(), "acme", q)
	want := []projections.Role{{Name: "release", Description: description, Permissions: []string{"task.*"}, DefinedBy: "root", DefinedAt: at()}}
	if diff := cmp.Diff(want, roles.Items); diff != "" || err != nil {
		t.Errorf("roles: %v %s", err, diff)
	}
	got, err := a.p.Policies(t.Context(), "acme", q)
	if err != nil || len(got.Items) != policies {
		t.Errorf("policies: %+v, %v", got.Items, err)
	}
	for _, p := range got.Items {
		if diff := cmp.Diff(projections.Policy{Name: "quiet", Version: 1, Text: "forbid;\nall", SetBy: "root", SetAt: at()}, p); diff != "" {
			t.Error(diff)
		}
	}
}

// TestParkedIdentity: an event of a newer version parks its entity alone, which
// is told of the principal; what an event cannot mean is parked, too.
func TestParkedIdentity(t *testing.T) {
	t.Parallel()
	a := startAcme(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	w := eventstore.Write{
		Entity: eventstore.Entity{Tenant: "acme", Kind: identity.EntityKind, ID: ada}, Expect: a.seqs[ada],
		Events: []eventstore.NewEvent{{Type: "principal.frozen", Schema: 1, Data: []byte(`{}`)}},
	}
	a.seqs[ada] = a.write(t, w)
	a.put(t, ada, identity.PrincipalSuspended{})
	a.put(t, bob, identity.PrincipalSuspended{})
	a.put(t, bob, identity.AccessDenied{Action: "task.submit", Reason: "no role", Count: 1})
	a.put(t, uuid.NewString(), identity.AccessDenied{Action: "task.submit", Reason: "no role", Count: 1}) // of somebody from elsewhere
	for _, e := range []identity.Event{                                                                   // of what was never begun, and of no principal
		identity.PrincipalResumed{},
		identity.SessionEnded{},
		identity.InvitationRevoked{},
		identity.TenantResumed{},
		identity.SessionStarted{Principal: "nobody", Client: "cli", ExpiresAt: at()},
	} {
		a.put(t, uuid.NewString(), e)
	}
	for name, want := range map[string]projections.Principal{"ada": {Incomplete: true}, "bob": {Suspended: true}} {
		got, err := a.p.Principal(t.Context(), "acme", name, a.last)
		if err != nil || got.Incomplete != want.Incomplete || got.Suspended != want.Suspended {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if parked := a.parked(t, "identities"); len(parked) != 7 {
		t.Errorf("%d events are parked: %+v", len(parked), parked)
	}
}
