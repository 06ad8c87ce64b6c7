package projections_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/projections"
)

// acme writes events about the identities of one tenant, one decision each.
type acme struct {
	*bundle
	tenant string // the id of the tenant's entity
	seqs   map[string]uint64
	last   uint64
}

func startAcme(t *testing.T) *acme {
	t.Helper()
	a := &acme{bundle: setup(t), tenant: uuid.NewString(), seqs: map[string]uint64{}}
	run(t, a.p)
	a.put(t, a.tenant, identity.TenantCreated{Name: "acme", Title: "Acme"})
	return a
}

// at is the time of every event.
func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func (a *acme) put(t *testing.T, id string, events ...identity.Event) uint64 {
	t.Helper()
	w := eventstore.Write{Entity: eventstore.Entity{Tenant: "acme", Kind: identity.EntityKind, ID: id}, Expect: a.seqs[id]}
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		w.Events = append(w.Events, eventstore.NewEvent{Type: e.Type(), Schema: identity.Schema, Data: data})
	}
	c := eventstore.Command{ID: uuid.NewString(), Actor: "root", Time: at()}
	receipt, err := a.store.Append(t.Context(), eventstore.Decision{Command: c, Writes: []eventstore.Write{w}})
	if err != nil {
		t.Fatal(err)
	}
	a.seqs[id], a.last = receipt.Last(), receipt.Last()
	return a.last
}

// person makes a principal.
func (a *acme) person(t *testing.T, name string) string {
	t.Helper()
	id := uuid.NewString()
	a.put(t, id, identity.PrincipalCreated{Kind: domain.Human, Name: name})
	return id
}

// names are those of what a filter finds.
func names[T any](t *testing.T, a *acme, list func(string, projections.Query) (projections.Page[T], error), filter string, name func(T) string) []string {
	t.Helper()
	page, err := list("acme", projections.Query{Filter: filter, After: a.last})
	if err != nil {
		t.Fatalf("%s: %v", filter, err)
	}
	var all []string
	for _, row := range page.Items {
		all = append(all, name(row))
	}
	return all
}

// TestPrincipals: rows, names, prefixes, filters.
func TestPrincipals(t *testing.T) {
	t.Parallel()
	a := startAcme(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	later, past := time.Now().Add(time.Hour).UTC().Truncate(time.Second), at().Add(time.Hour)
	a.put(t, a.tenant,
		identity.RoleGranted{Grant: identity.Grant{Principal: ada, Role: identity.RoleViewer}, ExpiresAt: later},
		identity.RoleProvided{Grant: identity.Grant{Principal: ada, Role: identity.RoleAuditor}, Origin: "oidc.1"},
		identity.RoleGranted{Grant: identity.Grant{Principal: ada, Role: identity.RoleOperator}, ExpiresAt: past},
		identity.RoleGranted{Grant: identity.Grant{Principal: bob, Role: identity.RoleDeveloper}, ExpiresAt: past})
	a.put(t, ada, identity.CredentialSet{Credential: identity.Credential{
		ID: "k1", Type: identity.CredentialAPIKey, Name: "build", Scopes: []string{"task.*"}, Networks: []string{"10.0.0.0/8"}, ExpiresAt: later,
	}})
	a.put(t, ada, identity.CredentialUsed{Credential: "k1"},
		identity.CredentialSet{Credential: identity.Credential{ID: "r1", Type: identity.CredentialRecovery, Codes: []string{"a", "b"}}})
	seq := a.put(t, ada, identity.PrincipalSuspended{Reason: "left"})
	seen := at()
	want := projections.Principal{
		ID: ada, Kind: "human", Name: "ada", Suspended: true, Reason: "left", Roles: []string{"auditor", "viewer"},
		CreatedAt: at(), UpdatedAt: at(), SeenAt: &seen, Seq: seq,
	}
	for _, by := range []string{"ada", ada, ada[:13]} {
		got, err := a.p.Principal(t.Context(), "acme", by, a.last)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", by, err, diff)
		}
	}
	for _, by := range []string{"eve", uuid.NewString(), "' OR true --", "a\x00"} {
		if _, err := a.p.Principal(t.Context(), "acme", by, 0); domain.KindOf(err) != domain.NotFound {
			t.Errorf("%q: %v", by, err)
		}
	}
	if _, err := a.p.Principal(t.Context(), "globex", ada, 0); domain.KindOf(err) != domain.NotFound {
		t.Errorf("from another tenant: %v", err)
	}
	list := func(tenant string, q projections.Query) (projections.Page[projections.Principal], error) {
		return a.p.Principals(t.Context(), tenant, q)
	}
	for filter, want := range map[string][]string{
		"": {"ada", "bob"}, "suspended:true": {"ada"}, "role:auditor,operator": {"ada"}, "role:developer": nil, "role!=auditor": {"bob"},
		"kind:human name:bob": {"bob"}, "id:" + bob: {"bob"}, "seen>2026-01-01": {"ada"}, "created<2026-01-01": nil,
	} {
		if diff := cmp.Diff(want, names(t, a, list, filter, func(p projections.Principal) string { return p.Name })); diff != "" {
			t.Errorf("%q: %s", filter, diff)
		}
	}
	a.credentials(t, ada, later)
}

func (a *acme) credentials(t *testing.T, ada string, later time.Time) {
	t.Helper()
	used := at()
	want := []projections.Credential{
		{ID: "k1", Type: "api_key", Name: "build", Scopes: []string{"task.*"}, Networks: []string{"10.0.0.0/8"}, SetAt: at(), ExpiresAt: &later, UsedAt: &used},
		{ID: "r1", Type: "recovery", Codes: 2, SetAt: at()},
	}
	got, err := a.p.Credentials(t.Context(), "acme", ada, projections.Query{After: a.last})
	if diff := cmp.Diff(want, got.Items); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	page, err := a.p.Credentials(t.Context(), "acme", ada, projections.Query{Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := a.p.Credentials(t.Context(), "acme", uuid.NewString(), projections.Query{Cursor: page.Next}); domain.KindOf(err) != domain.Invalid {
		t.Errorf("the cursor of another principal's list: %v", err)
	}
	if _, err := a.p.Credentials(t.Context(), "acme", "ada", projections.Query{}); domain.KindOf(err) != domain.NotFound {
		t.Errorf("by a name: %v", err)
	}
	// Removed and set anew: not used yet. Set anew alone: used as before.
	for i, change := range [][]identity.Event{
		{identity.CredentialSet{Credential: identity.Credential{ID: "k1", Type: identity.CredentialAPIKey}}},
		{identity.CredentialRemoved{Credential: "k1"}, identity.CredentialSet{Credential: identity.Credential{ID: "k1", Type: identity.CredentialAPIKey}}},
	} {
		a.put(t, ada, change...)
		got, err := a.p.Credentials(t.Context(), "acme", ada, projections.Query{After: a.last, Filter: "id:k1"})
		if err != nil || len(got.Items) != 1 || (got.Items[0].UsedAt != nil) != (i == 0) {
			t.Errorf("change %d: %+v, %v", i, got.Items, err)
		}
	}
	a.put(t, ada, identity.CredentialRemoved{Credential: "k1"})
	if got, err := a.p.Credentials(t.Context(), "acme", ada, projections.Query{After: a.last, Filter: "type:api_key"}); err != nil || len(got.Items) != 0 {
		t.Errorf("removed: %+v, %v", got, err)
	}
}

// TestNothingLetsIn puts a mark into everything that is secret, or a proof of
// it, and looks for it in every table.
func TestNothingLetsIn(t *testing.T) {
	t.Parallel()
	const mark = "LETS-IN"
	a := startAcme(t)
	ada := a.person(t, "ada")
	a.put(t, ada, identity.CredentialSet{Credential: identity.Credential{
		ID: "k1", Type: identity.CredentialAPIKey, Verifier: mark, Public: mark, Sealed: mark, Codes: []string{mark},
	}}, identity.CredentialUsed{Credential: "k1", Source: mark}, identity.TokenRevoked{Token: mark, ExpiresAt: at()})
	a.put(t, uuid.NewString(), identity.SessionStarted{Principal: ada, Client: "cli", Verifier: mark, Source: mark, ExpiresAt: at()},
		identity.SessionRefreshed{Verifier: mark}, identity.ReuseDetected{Source: mark})
	a.put(t, uuid.NewString(), identity.InvitationIssued{Kind: domain.Human, Verifier: mark, IssuedBy: ada, ExpiresAt: at()}, identity.InvitationUsed{Principal: ada, Source: mark})
	a.put(t, uuid.NewString(), identity.KeyRotated{SigningKey: identity.SigningKey{ID: "1", Public: mark}})
	a.caughtUp(t)
	rows, err := a.pool.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables := collectTexts(t, rows)
	found := ""
	for _, table := range tables {
		rows, err := a.pool.Query(t.Context(), `SELECT t::text FROM `+table+` t`)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(collectTexts(t, rows), "\n")
		if found += all; strings.Contains(all, mark) {
			t.Errorf("%s holds what lets somebody in:\n%s", table, all)
		}
	}
	if !strings.Contains(found, "k1") || !strings.Contains(found, "cli") {
		t.Error("the rows were not found: the test shows nothing")
	}
}
