package api_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// reader is somebody who asks, and all that a plain reading of docs/memory.md
// lets them recall.
type reader struct {
	name   string
	tenant string
	kind   domain.ActorKind
	role   string
	id     string
	c      *client.Client
	teams  []string
	all    bool     // recalls every item of the tenant
	none   bool     // recalls nothing
	writes bool     // remembers
	limit  []string // the scopes that the key is limited to
}

// kept is an item and its scope.
type kept struct{ id, tenant, scope, kind, tag, text string }

// may is the oracle.
func (r reader) may(k kept) bool {
	switch {
	case r.none || r.tenant != k.tenant:
		return false
	case r.all || k.scope == "tenant" || k.scope == "agent:"+r.id:
		return true
	}
	team, ok := strings.CutPrefix(k.scope, "team:")
	return ok && slices.Contains(r.teams, team)
}

// leakReaders makes principals of every kind, with random teams, in two
// tenants that name their teams alike.
func leakReaders(t *testing.T, m *apitest.Mesh, rng *rand.Rand) []reader {
	t.Helper()
	const here, other = "leaks", "leaks-other"
	readers := []reader{
		{name: "leak-admin", tenant: here, kind: domain.Human, role: identity.RoleTenantAdmin, all: true, writes: true},
		{name: "leak-viewer", tenant: here, kind: domain.Human, role: identity.RoleViewer},
		{name: "leak-developer", tenant: here, kind: domain.Human, role: identity.RoleDeveloper, writes: true},
		{name: "leak-auditor", tenant: here, kind: domain.Human, role: identity.RoleAuditor, all: true},
		{name: "leak-agent", tenant: here, kind: domain.Agent, writes: true},
		{name: "leak-agent-2", tenant: here, kind: domain.Agent, writes: true},
		{name: "leak-service", tenant: here, kind: domain.Service, none: true},
		{name: "leak-limited", tenant: here, kind: domain.Human, role: identity.RoleTenantAdmin, limit: []string{"memory.read"}},
		{name: "leak-abroad", tenant: other, kind: domain.Human, role: identity.RoleTenantAdmin, all: true, writes: true},
		{name: "leak-agent-abroad", tenant: other, kind: domain.Agent, writes: true},
	}
	for i := range readers {
		r := &readers[i]
		makeTenant(t, m, r.tenant)
		var roles []string
		if r.role != "" {
			roles = append(roles, r.role)
		}
		var key string
		r.id, key = makePrincipal(t, m, r.tenant, r.kind, r.name, roles...)
		if r.limit != nil {
			key, _ = makeKey(t, m, r.tenant, r.id, identity.Credential{Scopes: r.limit})
		}
		r.c = m.NewClient(t, key)
		for _, team := range []string{"red", "green", "blue"} {
			if rng.IntN(2) == 0 {
				r.teams = append(r.teams, team)
			}
		}
		if _, err := m.Commands.SetTeams(t.Context(), rootAt(m, r.tenant), commands.Meta{}, r.id, r.teams); err != nil {
			t.Fatal(err)
		}
	}
	return append(readers, delegated(t, m, readers[2], readers[4]), delegated(t, m, readers[0], readers[5]))
}

// delegated is an agent that acts for a person: it recalls what is its own, and
// of the teams those of both.
func delegated(t *testing.T, m *apitest.Mesh, person, agent reader) reader {
	t.Helper()
	given, err := person.c.Delegate(t.Context(), client.DelegateRequest{Agent: agent.id, Scope: []string{"memory.read"}})
	if err != nil {
		t.Fatal(err)
	}
	r := agent
	r.name, r.c, r.writes = agent.name+"-for-"+person.name, m.NewClient(t, given.AccessToken), false
	r.teams = slices.DeleteFunc(slices.Clone(agent.teams), func(team string) bool { return !slices.Contains(person.teams, team) })
	return r
}

// leakItems has those who may keep items in random scopes, refuses the scopes
// that they could not recall from, and waits until all are found.
func leakItems(t *testing.T, readers []reader, rng *rand.Rand) []kept {
	t.Helper()
	var items []kept
	for i := 0; len(items) < 64; i++ {
		r, whose := readers[rng.IntN(len(readers))], readers[rng.IntN(len(readers))]
		scopes := []string{"tenant", "team:red", "team:green", "team:blue", "agent:" + r.id, "agent:" + whose.id}
		k := kept{
			tenant: r.tenant, scope: scopes[rng.IntN(len(scopes))], tag: fmt.Sprint("t", rng.IntN(3)), text: "leak item",
			kind: []string{"fact", "decision", "episode", "skill"}[rng.IntN(4)],
		}
		for range 6 { // unlike enough that none is merged or folded into another
			k.text += fmt.Sprintf(" %016x", rng.Uint64())
		}
		got, err := r.c.Remember(t.Context(), client.RememberRequest{Text: k.text, Kind: k.kind, Scope: k.scope, Tags: []string{k.tag}})
		if !r.writes || !r.may(k) {
			if err == nil {
				t.Errorf("%s keeps an item in %s", r.name, k.scope)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s keeps an item in %s: %v", r.name, k.scope, err)
		}
		k.id = got.ID
		items = append(items, k)
	}
	for _, r := range []reader{readers[0], readers[8]} { // the admins
		apitest.Eventually(t, func() bool {
			found, err := r.c.Search(t.Context(), client.SearchRequest{Query: "leak item", Mode: "meaning", Limit: 100})
			return err == nil && len(ids(found)) >= len(r.wanted(items))
		})
	}
	return items
}

// wanted are the items that the oracle lets a reader recall.
func (r reader) wanted(items []kept) map[string]kept {
	w := map[string]kept{}
	for _, k := range items {
		if r.may(k) {
			w[k.id] = k
		}
	}
	return w
}
