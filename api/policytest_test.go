package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/api/apitest"
	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// TestPolicies walks through a mesh whose tenant has policies.
func TestPolicies(t *testing.T) {
	t.Parallel()
	m := apitest.Start(t, apitest.Config{})
	p, _ := m.Directory.PrincipalNamed(domain.DefaultTenant, commands.RootName)
	root := domain.Actor{Tenant: domain.DefaultTenant, ID: p.ID, Kind: p.Kind}
	dev, devKey := newPrincipal(t, m, root, "dev", identity.RoleDeveloper)
	newcomer, _ := newPrincipal(t, m, root, "newcomer", "")
	set := func(name, text string) {
		t.Helper()
		if _, err := m.Commands.SetPolicy(t.Context(), root, commands.Meta{}, name, text, policy.Check); err != nil {
			t.Fatal(err)
		}
	}
	var denied *client.Error
	refused := func(err error, reason string) {
		t.Helper()
		if !errors.As(err, &denied) || denied.Status != 403 || !strings.Contains(denied.Detail, reason) {
			t.Errorf("%v, want a refusal with %q", err, reason)
		}
	}
	task, err := dev.Submit(t.Context(), client.SubmitRequest{Queue: "deploy", Labels: map[string]string{"env": "prod"}})
	if err != nil {
		t.Fatal(err)
	}

	set("no-deploys", `forbid (principal, action == Action::"task.submit", resource) when { resource.queue == "deploy" } unless { principal.name == "ci" };`)
	set("no-default", `forbid (principal, action == Action::"task.submit", resource) when { resource.queue == "default" && context.address.isLoopback() && context.credential == "api_key" };`)
	set("prod", `forbid (principal in Role::"developer", action == Action::"task.cancel", resource) when { resource.labels has env && resource.labels.env == "prod" };`)
	set("newcomers", `permit (principal, action == Action::"task.submit", resource) when { principal.name == "newcomer" && resource.queue == "sand" };`)
	_, err = dev.Submit(t.Context(), client.SubmitRequest{Queue: "deploy"})
	refused(err, `task.submit is not permitted: policy "no-deploys" forbids it (developer permits it)`)
	_, err = dev.Submit(t.Context(), client.SubmitRequest{}) // leaves the queue to its default
	refused(err, `policy "no-default" forbids it (developer permits it)`)
	_, err = dev.Cancel(t.Context(), task.ID, "")
	refused(err, `policy "prod" forbids it`)
	if _, err := dev.Submit(t.Context(), client.SubmitRequest{Queue: "build"}); err != nil {
		t.Errorf("what no policy is about: %v", err)
	}
	if _, err := newcomer.Submit(t.Context(), client.SubmitRequest{Queue: "sand"}); err != nil {
		t.Errorf("a permit: %v", err)
	}
	_, err = newcomer.Submit(t.Context(), client.SubmitRequest{Queue: "build"})
	refused(err, "no role is held here")
	testAgentPolicies(t, m, dev, devKey, set)

	if _, err := m.Commands.RemovePolicy(t.Context(), root, commands.Meta{}, "no-deploys"); err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Submit(t.Context(), client.SubmitRequest{Queue: "deploy"}); err != nil {
		t.Errorf("after the policy is gone: %v", err)
	}
	testPolicyCases(t, m, dev)
}

// testAgentPolicies: a policy about agents sees what an agent says about
// itself, and the task that it reports about.
func testAgentPolicies(t *testing.T, m *apitest.Mesh, dev *client.Client, devKey string, set func(name, text string)) {
	t.Helper()
	agent, err := dev.Register(t.Context(), client.RegisterRequest{Name: "worker", Queues: []string{"pii"}, Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	submit(t, m, client.SubmitRequest{Queue: "pii", Capabilities: []string{}})
	held := polled(t, m, agent.ID, "wait=20s")
	if len(held) != 1 || held[0].Assign == nil {
		t.Fatalf("%+v", held)
	}
	set("pii-tasks", `forbid (principal, action == Action::"task.start", resource is Agent) when { resource.task.queue == "pii" && resource.name == "worker" && principal.name == "dev" };`)
	report := fmt.Sprintf(`{"agent": %q, "attempt": %d}`, agent.ID, held[0].Assign.Attempt)
	if r := ask(t, m, "POST", "/v1/tasks/"+held[0].Assign.Task+"/start", report, "Authorization", "Bearer "+devKey); r.status != 403 || !strings.Contains(r.problem.Detail, `policy "pii-tasks" forbids it`) {
		t.Errorf("a report about a task: %d %s", r.status, r.body)
	}
	var denied *client.Error
	set("pii-agents", `forbid (principal, action == Action::"agent.register", resource) when { resource.queues.isEmpty() || resource.queues.contains("pii") };`)
	for _, queues := range [][]string{{"pii"}, nil} {
		if _, err := dev.Register(t.Context(), client.RegisterRequest{Name: "worker", Queues: queues, Capacity: 1}); !errors.As(err, &denied) || !strings.Contains(denied.Detail, `policy "pii-agents" forbids it`) {
			t.Errorf("an agent of %q: %v", queues, err)
		}
	}
	if r := ask(t, m, "GET", "/v1/agents/"+agent.ID+"/assignments?wait=0s", ""); r.status != 403 {
		t.Errorf("an agent that has the queue from before is served: %d %s", r.status, r.body)
	}
	if _, err := dev.Register(t.Context(), client.RegisterRequest{Name: "worker", Queues: []string{"other"}, Capacity: 1}); err != nil {
		t.Errorf("an agent that gives the queue up: %v", err)
	}
}

// testPolicyCases: the route that tries policies out.
func testPolicyCases(t *testing.T, m *apitest.Mesh, dev *client.Client) {
	t.Helper()
	build := client.PolicyResource{Kind: "task", Attributes: map[string]any{"queue": "build", "priority": 5, "labels": map[string]any{}}}
	cases := []client.PolicyCase{
		{Name: "by role", Principal: "dev", Action: "task.submit", Resource: build, Expect: "allow"},
		{Name: "by the tenant's policy", Principal: "newcomer", Action: "task.submit", Resource: client.PolicyResource{Attributes: map[string]any{"queue": "sand"}}, Expect: "allow", Policy: "newcomers"},
		{Name: "wrong on purpose", Principal: "newcomer", Action: "task.submit", Resource: build, Expect: "allow"},
		{Name: "the wrong policy", Principal: "dev", Action: "task.submit", Resource: build, Expect: "allow", Policy: "prod"},
	}
	report, err := m.Client.TestPolicies(t.Context(), client.PolicyTest{Cases: cases})
	if err != nil || report.Failed != 2 || !report.Items[0].OK || !report.Items[1].OK || report.Items[2].OK || report.Items[3].OK {
		t.Fatalf("%+v, %v", report, err)
	}
	if got := report.Items[0]; got.Role != "developer" || got.Decision != "allow" {
		t.Errorf("%+v", got)
	}
	instead := map[string]string{"inside": `forbid (principal, action, resource) unless { context.address.isInRange(ip("10.0.0.0/8")) && context.time < datetime("2026-01-01") };`}
	inside, before := cases[0], time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	inside.Context = client.PolicyContext{Address: "10.1.1.1", Time: &before}
	outside := inside
	outside.Context.Address, outside.Expect, outside.Policy = "192.0.2.1", "deny", "inside"
	report, err = m.Client.TestPolicies(t.Context(), client.PolicyTest{Policies: instead, Cases: []client.PolicyCase{inside, outside}})
	if err != nil || report.Failed != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if p, _ := m.Directory.Tenant(domain.DefaultTenant); len(p.Policies) != 5 || p.Policies["inside"].Text != "" {
		t.Errorf("a test changed the tenant: %+v", p.Policies)
	}
	refusals := map[string]client.PolicyTest{
		"cases[0].principal":           {Cases: []client.PolicyCase{{Principal: "ghost", Action: "task.read", Expect: "deny"}}},
		"cases[0].action":              {Cases: []client.PolicyCase{{Principal: "dev", Action: "task.raed", Expect: "deny"}}},
		"cases[0].resource.kind":       {Cases: []client.PolicyCase{{Principal: "dev", Action: "task.read", Expect: "deny", Resource: client.PolicyResource{Kind: "job"}}}},
		"cases[0].resource.attributes": {Cases: []client.PolicyCase{{Principal: "dev", Action: "task.read", Expect: "deny", Resource: client.PolicyResource{Attributes: map[string]any{"priority": 0.5}}}}},
		"cases[0].context.address":     {Cases: []client.PolicyCase{{Principal: "dev", Action: "task.read", Expect: "deny", Context: client.PolicyContext{Address: "x"}}}},
		"cases[0].context.acting_for":  {Cases: []client.PolicyCase{{Principal: "dev", Action: "task.read", Expect: "deny", Context: client.PolicyContext{ActingFor: "x"}}}},
		"policies.bad":                 {Policies: map[string]string{"bad": "x"}, Cases: cases},
		"policies":                     {Policies: map[string]string{"no name!": "x"}, Cases: cases},
	}
	var e *client.Error
	for field, test := range refusals {
		if _, err := m.Client.TestPolicies(t.Context(), test); !errors.As(err, &e) || e.Status != 422 || e.Field != field {
			t.Errorf("%s: %+v", field, err)
		}
	}
	if _, err := dev.TestPolicies(t.Context(), client.PolicyTest{Cases: cases}); !errors.As(err, &e) || e.Status != 403 {
		t.Errorf("a developer may test policies: %v", err)
	}
}

// newPrincipal makes a service with a role, if one is given, and returns its client and key.
func newPrincipal(t *testing.T, m *apitest.Mesh, root domain.Actor, name, role string) (c *client.Client, key string) {
	t.Helper()
	made, err := m.Commands.CreatePrincipal(t.Context(), root, commands.Meta{}, commands.NewPrincipal{Kind: domain.Service, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	var id, verifier string
	key, id, verifier = auth.NewAPIKey()
	credential := identity.Credential{ID: id, Type: identity.CredentialAPIKey, Verifier: verifier}
	if _, err := m.Commands.SetCredential(t.Context(), root, commands.Meta{}, made.ID, credential); err != nil {
		t.Fatal(err)
	}
	if role != "" {
		if _, err := m.Commands.GrantRole(t.Context(), root, commands.Meta{}, identity.Grant{Principal: made.ID, Role: role}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	return m.NewClient(t, key), key
}
