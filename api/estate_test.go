package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// estate is a tenant with one of everything that has an id.
type estate struct {
	tenant     string
	admin      string // key of its admin
	adminID    string
	principal  string // a person with a key and a session
	key        string // id of the person's key
	session    string
	invitation string
	role       string
	policy     string
	agent      string // registered by the admin
	joined     string // a principal of kind agent
	task       string
	event      string // sequence of the task's first event
	digest     string // of the task's input
	memory     string // of the admin alone
	document   string
}

// rootAt is root as it acts in a tenant.
func rootAt(m *apitest.Mesh, tenant string) domain.Actor {
	by := root(m)
	if tenant != by.Tenant {
		by.Tenant, by.Home = tenant, by.Tenant
	}
	return by
}

// makeTenant makes a tenant, unless it is there.
func makeTenant(t *testing.T, m *apitest.Mesh, tenant string) {
	t.Helper()
	if _, ok := m.Directory.Tenant(tenant); ok {
		return
	}
	if _, err := m.Commands.CreateTenant(t.Context(), root(m), commands.Meta{}, tenant, ""); err != nil {
		t.Fatal(err)
	}
}

// makePrincipal makes a principal with roles and a key, and returns its id and the key.
func makePrincipal(t *testing.T, m *apitest.Mesh, tenant string, kind domain.ActorKind, name string, roles ...string) (id, key string) {
	t.Helper()
	by := rootAt(m, tenant)
	made, err := m.Commands.CreatePrincipal(t.Context(), by, commands.Meta{}, commands.NewPrincipal{Kind: kind, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		if _, err := m.Commands.GrantRole(t.Context(), by, commands.Meta{}, identity.Grant{Principal: made.ID, Role: role}, time.Time{}); err != nil {
			t.Fatalf("%s: %v", role, err)
		}
	}
	key, _ = makeKey(t, m, tenant, made.ID, identity.Credential{})
	return made.ID, key
}

// makeKey gives a principal a key with the limits of c.
func makeKey(t *testing.T, m *apitest.Mesh, tenant, principal string, c identity.Credential) (key, id string) {
	t.Helper()
	key, id, c.Verifier = auth.NewAPIKey()
	c.ID, c.Type = id, identity.CredentialAPIKey
	if _, err := m.Commands.SetCredential(t.Context(), rootAt(m, tenant), commands.Meta{}, principal, c); err != nil {
		t.Fatal(err)
	}
	return key, id
}

// largeInput does not fit into an event, and differs from tenant to tenant.
func largeInput(tenant string) []byte {
	return []byte(`"` + tenant + strings.Repeat("x", 300<<10) + `"`)
}

// awaitModels waits until every read model answers.
func awaitModels(t *testing.T, m *apitest.Mesh) {
	t.Helper()
	apitest.Eventually(t, func() bool {
		models, err := m.Client.Projections(t.Context())
		return err == nil && len(models) > 0 && !slices.ContainsFunc(models, func(p client.Projection) bool { return p.Status == "rebuilding" })
	})
}

// makeEstate fills a tenant.
func makeEstate(t *testing.T, m *apitest.Mesh, tenant string) estate {
	t.Helper()
	ctx := t.Context()
	awaitModels(t, m)
	makeTenant(t, m, tenant)
	e := estate{tenant: tenant, role: tenant + "-keeper", policy: tenant + "-calm"}
	e.adminID, e.admin = makePrincipal(t, m, tenant, domain.Human, "estate-admin", identity.RoleTenantAdmin)
	var key string
	e.principal, key = makePrincipal(t, m, tenant, domain.Human, "estate-person", identity.RoleViewer)
	p, _ := m.Directory.Principal(identity.Ref{Tenant: tenant, ID: e.principal})
	for id := range p.Credentials {
		e.key = id
	}
	in, err := m.NewClient(t, key).Exchange(ctx, client.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	e.session = in.Session
	e.joined, _ = makePrincipal(t, m, tenant, domain.Agent, "estate-joined")
	admin := m.NewClient(t, e.admin)
	guest, err := admin.Invite(ctx, client.InviteRequest{Kind: "human"})
	if err != nil {
		t.Fatal(err)
	}
	e.invitation = guest.ID
	if _, err := admin.DefineRole(ctx, client.Role{Name: e.role, Permissions: []string{"task.read"}}); err != nil {
		t.Fatal(err)
	}
	policy := client.PolicyRequest{Name: e.policy, Text: `forbid (principal, action, resource) when { false };`}
	if _, err := admin.SetPolicy(ctx, policy); err != nil {
		t.Fatal(err)
	}
	agent, err := admin.Register(ctx, client.RegisterRequest{Name: "estate-agent", Capabilities: []string{"estate"}})
	if err != nil {
		t.Fatal(err)
	}
	e.agent = agent.ID
	task, err := admin.Submit(ctx, client.SubmitRequest{Capabilities: []string{"nobody"}, Input: largeInput(tenant)})
	if err != nil {
		t.Fatal(err)
	}
	e.task = task.ID
	_, e.event, _ = strings.Cut(task.Position, ".")
	var got client.Task
	apitest.Eventually(t, func() bool { // a busy machine may take longer than a query waits
		got, err = admin.Task(ctx, task.ID, task.Position)
		return !client.IsNotFound(err)
	})
	if err != nil || got.Input == nil || got.Input.Artifact == nil {
		t.Fatalf("the input is no artifact: %v, %.500v", err, got)
	}
	e.digest = got.Input.Artifact.Digest
	item, err := admin.Remember(ctx, client.RememberRequest{Text: "Only " + tenant + " knows.", Scope: "agent:" + e.adminID})
	if err != nil {
		t.Fatal(err)
	}
	e.memory = item.ID
	doc, err := admin.ImportDocument(ctx, client.DocumentRequest{URI: tenant + ".md", Text: "What " + tenant + " wrote."})
	if err != nil {
		t.Fatal(err)
	}
	e.document = doc.ID
	return e
}

// fill puts ids into the path of an operation: those of an estate, or of
// nothing that exists when it is nil.
func fill(path string, e *estate) string {
	nowhere := uuid.NewString()
	if e == nil {
		return strings.NewReplacer("{id}", nowhere, "{key}", "nothing", "{part}", nowhere, "{seq}", "999999999", "{name}", "nothing",
			"{digest}", "sha256:"+strings.Repeat("0", 64)).Replace(path)
	}
	id := nowhere
	for prefix, of := range map[string]string{
		"/v1/tasks/": e.task, "/v1/agents/": e.agent, "/v1/principals/": e.principal, "/v1/invitations/": e.invitation,
		"/v1/roles/": e.role, "/v1/policies/": e.policy, "/v1/tenants/": e.tenant,
		"/v1/memory/": e.memory, "/v1/documents/": e.document,
	} {
		if strings.HasPrefix(path, prefix) {
			id = of
		}
	}
	part := e.key
	if strings.Contains(path, "/sessions/") {
		part = e.session
	}
	return strings.NewReplacer("{id}", id, "{key}", e.key, "{part}", part, "{seq}", e.event, "{name}", "tasks", "{digest}", e.digest).Replace(path)
}

// operationOf is one operation of the OpenAPI document.
type operationOf struct{ method, path, id string }

// operations reads them from the running mesh.
func operations(t *testing.T, m *apitest.Mesh) []operationOf {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(ask(t, m, "GET", "/openapi.json", "").body, &doc); err != nil {
		t.Fatal(err)
	}
	var all []operationOf
	for path, methods := range doc.Paths {
		for method, op := range methods {
			all = append(all, operationOf{method: strings.ToUpper(method), path: path, id: op.OperationID})
		}
	}
	return all
}

// try sends one request and returns its answer; of a stream only the head.
func try(t *testing.T, c *http.Client, m *apitest.Mesh, key, tenant string, op operationOf, path, body string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, op.method, m.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Error(err)
		return reply{}
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if tenant != "" {
		req.Header.Set(client.HeaderTenant, tenant)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if op.id == "publish-events" {
		req.Header.Set("Content-Type", "application/cloudevents+json")
	}
	res, err := c.Do(req)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	defer func() { _ = res.Body.Close() }()
	r := reply{status: res.StatusCode, header: res.Header}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return r
	}
	if r.body, err = io.ReadAll(res.Body); err != nil {
		t.Error(err)
	}
	if r.status >= 400 {
		_ = json.Unmarshal(r.body, &r.problem) // what is none has no code
	}
	return r
}
