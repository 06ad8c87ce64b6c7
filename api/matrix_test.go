package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivemesh/hivemesh/api"
	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/eventstore"
)

// holder is a principal that holds one built-in role and nothing else.
type holder struct {
	role, home, id, key string
	kind                domain.ActorKind
	scopes              []string // that its key is limited to
}

// cell is one request of the matrix.
type cell struct {
	op        operationOf
	who       holder
	tenant    string // that it acts in
	permitted bool
}

// TestMatrix asks every operation as every role, at home and in another
// tenant, and as nobody. What is permitted is computed from api.Accesses and
// the directory; what is not must be refused and leave no trace but a record
// of the refusal.
func TestMatrix(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{Heartbeat: time.Minute})
	ops := operations(t, m)
	checkAccesses(t, ops)
	estates := map[string]estate{domain.DefaultTenant: makeEstate(t, m, domain.DefaultTenant), "acme": makeEstate(t, m, "acme")}
	cells := matrix(m, ops, holders(t, m))
	before, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused := walk(t, m, estates, cells, false)
	askAsNobody(t, m, estates, ops)
	leftNoTrace(t, m, before, cells)
	permitted := walk(t, m, estates, cells, true)
	if refused < 100 || permitted < 100 || refused+permitted != len(cells) {
		t.Errorf("%d refused and %d permitted requests of %d", refused, permitted, len(cells))
	}
	t.Logf("%d operations, %d requests refused, %d permitted", len(ops), refused, permitted)
}

// checkAccesses holds the table of accesses against the document and against
// the actions that can be permitted.
func checkAccesses(t *testing.T, ops []operationOf) {
	t.Helper()
	accesses := api.Accesses()
	for _, op := range ops {
		if _, ok := accesses[op.id]; !ok {
			t.Errorf("%s %s: operation %q has no entry in api.Accesses", op.method, op.path, op.id)
		}
	}
	for id, access := range accesses {
		if !slices.ContainsFunc(ops, func(op operationOf) bool { return op.id == id }) {
			t.Errorf("api.Accesses has %q, which is no operation", id)
		}
		if access.Open != (len(access.Any) == 0) {
			t.Errorf("%s is open and asks for %v", id, access.Any)
		}
		for _, action := range access.Any {
			known := slices.ContainsFunc(identity.Actions(), func(a identity.Action) bool { return a.Name == action })
			if !known && action != identity.ActionOwn && action != identity.ActionKnown {
				t.Errorf("%s asks for %q, which is no action", id, action)
			}
		}
	}
}

// holders makes one principal a role and tenant; a super admin is one in the
// default tenant only, and has a key with limits besides.
func holders(t *testing.T, m *apitest.Mesh) []holder {
	t.Helper()
	var all []holder
	for _, home := range []string{domain.DefaultTenant, "acme"} {
		for _, role := range identity.BuiltinRoles() {
			if role.Name == identity.RoleSuperAdmin && home != domain.DefaultTenant {
				continue
			}
			h := holder{role: role.Name, home: home, kind: domain.Human}
			roles := []string{role.Name}
			if role.Name == identity.RoleAgent {
				h.kind, roles = domain.Agent, nil
			}
			h.id, h.key = makePrincipal(t, m, home, h.kind, "matrix-"+role.Name, roles...)
			all = append(all, h)
		}
	}
	limited := all[0] // a super admin, who may do all there is
	limited.role, limited.scopes = "limited", []string{"agent.read"}
	limited.key, _ = makeKey(t, m, limited.home, limited.id, identity.Credential{Scopes: limited.scopes})
	return append(all, limited)
}

func matrix(m *apitest.Mesh, ops []operationOf, who []holder) []cell {
	accesses := api.Accesses()
	var cells []cell
	for _, op := range ops {
		if accesses[op.id].Open {
			continue
		}
		for _, h := range who {
			for _, tenant := range []string{domain.DefaultTenant, "acme"} {
				by := domain.Actor{Tenant: tenant, ID: h.id, Kind: h.kind, Scopes: h.scopes}
				if tenant != h.home {
					by.Home = h.home
				}
				permitted := slices.ContainsFunc(accesses[op.id].Any, func(action string) bool {
					return m.Directory.Decide(by, action, aboutOf(op), time.Now()).Allowed
				})
				cells = append(cells, cell{op: op, who: h, tenant: tenant, permitted: permitted})
			}
		}
	}
	return cells
}

// aboutOf is what the request of an operation is about, as far as decisions by
// role depend on it: who answers for the agent.
func aboutOf(op operationOf) identity.Resource {
	if strings.HasPrefix(op.path, "/v1/agents/{id}") || strings.Contains(bodies()[op.id], "AGENT") && op.id != "auth-delegate" {
		return identity.Resource{Kind: "agent", ID: "00000000-0000-4000-8000-000000000000"}
	}
	return identity.Resource{}
}

// bodies are the smallest that the operations take. PERSON, AGENT and
// JOINED stand for ids of the estate. An operation that is not here is sent "{}".
func bodies() map[string]string {
	report := `{"attempt":1,"agent":"AGENT"}`
	return map[string]string{
		"auth-delegate": `{"agent":"JOINED","scope":["task.read"]}`, "auth-device-approve": `{"user_code":"BCDF-BCDF"}`,
		"auth-password": `{"new":"short"}`, "auth-totp-confirm": `{"sealed":"x","code":"000000"}`, "auth-totp-remove": `{"password":"x"}`,
		"auth-passkeys-register-finish": `{"credential":{}}`, "auth-passkeys-login-finish": `{"credential":{}}`,
		"can-i": `{"action":"task.read"}`, "create-tenant": `{"name":"matrix"}`, "define-role": `{"name":"matrix","permissions":["task.read"]}`,
		"set-policy":       `{"name":"matrix","text":"forbid (principal, action, resource) when { false };"}`,
		"create-principal": `{"kind":"human","name":"matrix"}`, "principal-grant": `{"role":"viewer"}`, "principal-revoke": `{"role":"viewer"}`,
		"principal-accounts": `{"provider":"x","subject":"x"}`, "invite": `{"kind":"human"}`, "task-submit": `{"capabilities":["nobody"]}`, "task-submit_batch": `{"tasks":[{"capabilities":["nobody"]}]}`,
		"principal-teams": `{"teams":["matrix"]}`, "memory-remember": `{"text":"matrix"}`, "memory-remember_batch": `{"items":[{"text":"matrix"}]}`,
		"memory-supersede": `{"by":"00000000-0000-4000-8000-000000000000"}`, "document-import": `{"uri":"matrix.md","text":"matrix"}`,
		"search-memory": `{"query":"matrix"}`, "search-memory-batch": `{"searches":[{"query":"matrix"}]}`, "pack-memory": `{"query":"matrix"}`,
		"task-start": report, "task-progress": report, "task-complete": report, "task-fail": report, "task-return": report,
		"agent-register": `{"name":"matrix-WHO"}`, "publish-events": `{"specversion":"1.0","id":"1","source":"/matrix","type":"x.happened"}`,
		"test-policies":    `{"cases":[{"name":"x","principal":"PERSON","action":"task.read","expect":"allow"}]}`,
		"retry-projection": `{"key":"x"}`, "skip-projection": `{"key":"x","seq":1,"reason":"x"}`,
	}
}

// request returns path and body: a refused request names what exists, so that
// it would change it; one that is permitted names nothing that exists.
func (c cell) request(e estate) (path, body string) {
	target := &e
	if c.permitted {
		target = nil
	}
	path = fill(c.op.path, target)
	if c.op.id == "poll-agent" {
		path += "?wait=0s"
	}
	if c.op.method == http.MethodGet || c.op.id == "rebuild-projection" || c.op.id == "verify-projection" {
		return path, ""
	}
	body, ok := bodies()[c.op.id]
	if !ok {
		body = "{}"
	}
	who := "matrix-" + c.who.role
	if c.who.role != identity.RoleAgent {
		who += "-" + c.who.home
	}
	return path, strings.NewReplacer("PERSON", e.principal, "AGENT", e.agent, "JOINED", e.joined, "matrix-WHO", who).Replace(body)
}

// walk sends the requests of one kind, some at once, and returns how many.
func walk(t *testing.T, m *apitest.Mesh, estates map[string]estate, cells []cell, permitted bool) int {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	pool := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer pool.CloseIdleConnections()
	sent := 0
	for _, c := range cells {
		if c.permitted != permitted {
			continue
		}
		sent++
		group.Go(func() error {
			e := estates[c.tenant]
			if c.op.id == "auth-delegate" { // to an agent of one's own tenant
				e = estates[c.who.home]
			}
			path, body := c.request(e)
			r := try(t, pool, m, c.who.key, c.tenant, c.op, path, body)
			if refused := isRefused(r); refused == permitted || r.status >= 500 {
				t.Errorf("%s of %s in %s: %s %s: %d %.200s, want permitted=%v", c.who.role, c.who.home, c.tenant, c.op.method, path, r.status, r.body, permitted)
			}
			return nil
		})
	}
	_ = group.Wait() // no request fails the group
	return sent
}

// isRefused tells a refusal for want of a permission from every other answer. A
// batch has its refusals item by item.
func isRefused(r reply) bool {
	var batch client.BatchResult
	if r.status == http.StatusOK && json.Unmarshal(r.body, &batch) == nil && len(batch.Results) > 0 {
		return !slices.ContainsFunc(batch.Results, func(i client.ItemResult) bool { return i.Error == nil || i.Error.Status != http.StatusForbidden })
	}
	return r.status == http.StatusForbidden && r.problem.Code == "denied"
}

// askAsNobody sends every request without a credential: only open operations
// answer something else than 401 no_credential.
func askAsNobody(t *testing.T, m *apitest.Mesh, estates map[string]estate, ops []operationOf) {
	t.Helper()
	accesses := api.Accesses()
	for _, op := range ops {
		for _, tenant := range []string{"", "acme"} {
			path, body := cell{op: op}.request(estates["acme"])
			r := try(t, http.DefaultClient, m, "", tenant, op, path, body)
			if stranger := r.status == http.StatusUnauthorized && r.problem.Code == "no_credential"; stranger == accesses[op.id].Open {
				t.Errorf("nobody: %s %s: %d %.200s", op.method, path, r.status, r.body)
			}
		}
	}
}

// leftNoTrace reads the log from before on: whoever was refused is the actor
// of records of refusals only.
func leftNoTrace(t *testing.T, m *apitest.Mesh, before uint64, cells []cell) {
	t.Helper()
	actors := map[string]bool{"": true}
	for _, c := range cells {
		actors[c.who.id] = true
	}
	last, err := m.Store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for seq := before + 1; seq <= last; seq++ {
		r, err := m.Store.Get(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if actors[r.Actor] && !isAudit(r) {
			found[fmt.Sprintf("%s of %s", r.Type, r.Entity)]++
		}
	}
	if len(found) > 0 {
		t.Errorf("refused requests wrote %v", slices.Sorted(maps.Keys(found)))
	}
}

func isAudit(r eventstore.Record) bool {
	return r.Entity.Kind == identity.EntityKind && (r.Type == "access.denied" || r.Type == "credential.used" || r.Type == "credential.failed")
}
