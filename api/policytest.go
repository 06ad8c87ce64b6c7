package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// policyTestRoutes is the route that tries policies out.
func (a *API) policyTestRoutes(h huma.API) {
	op := operation(http.MethodPost, "/v1/policies/test", "test-policies", "Tell what roles and policies would decide; nothing changes")
	op.MaxBodyBytes = 2 * identity.MaxPolicies * identity.MaxPolicyText
	huma.Register(h, op, func(ctx context.Context, in *bodyInput[client.PolicyTest]) (*output[client.PolicyReport], error) {
		return answer(ctx, a, func(c caller) (client.PolicyReport, error) { return a.testPolicies(ctx, c, in.Body) })
	})
}

func (a *API) testPolicies(ctx context.Context, c caller, t client.PolicyTest) (client.PolicyReport, error) {
	engine, tenant := policy.New(a.cfg.Directory), c.actor.Tenant
	set, err := policiesToTest(engine, tenant, t.Policies)
	if err != nil {
		return client.PolicyReport{}, err
	}
	out := client.PolicyReport{Items: make([]client.PolicyResult, len(t.Cases))}
	for i, asked := range t.Cases {
		if err := ctx.Err(); err != nil {
			return client.PolicyReport{}, err
		}
		out.Items[i], err = a.testCase(engine, set, tenant, fmt.Sprintf("cases[%d]", i), asked)
		if err != nil {
			return client.PolicyReport{}, err
		}
		if !out.Items[i].OK {
			out.Failed++
		}
	}
	return out, nil
}

// policiesToTest compiles the policies that were sent, else the tenant's own.
// Of its own, one that cannot be read is told as what it does: it forbids.
func policiesToTest(engine *policy.Engine, tenant string, sent map[string]string) (*policy.Set, error) {
	if sent == nil {
		set, _ := engine.Own(tenant)
		return set, nil
	}
	if len(sent) > identity.MaxPolicies {
		return nil, domain.InvalidField("policies", "%d given, at most %d allowed", len(sent), identity.MaxPolicies)
	}
	for name := range sent {
		if err := domain.CheckName("policies", name); err != nil {
			return nil, err
		}
	}
	return policy.NewSet(sent)
}

// testCase decides one case. It fails about a field, which it finds at at,
// when the case speaks of what there is not.
func (a *API) testCase(engine *policy.Engine, set *policy.Set, tenant, at string, t client.PolicyCase) (client.PolicyResult, error) {
	by, err := a.testActor(tenant, at, t)
	if err != nil {
		return client.PolicyResult{}, err
	}
	known := slices.ContainsFunc(identity.Actions(), func(known identity.Action) bool { return known.Name == t.Action })
	switch err := policy.CheckAttributes(t.Resource.Attributes); {
	case !known:
		return client.PolicyResult{}, domain.InvalidField(at+".action", "there is no action %.64q", t.Action)
	case t.Resource.Kind != "" && !slices.Contains(policy.ResourceKinds(), t.Resource.Kind):
		return client.PolicyResult{}, domain.InvalidField(at+".resource.kind", "there is no %.64q, only %q", t.Resource.Kind, policy.ResourceKinds())
	case err != nil:
		return client.PolicyResult{}, domain.InvalidField(at+".resource.attributes", "%s", err)
	}
	when := time.Now()
	if t.Context.Time != nil {
		when = *t.Context.Time
	}
	about := identity.Resource{
		Kind: t.Resource.Kind, ID: t.Resource.ID, Owner: t.Resource.Owner,
		Attributes: func() map[string]any { return t.Resource.Attributes },
	}
	return testResult(t, engine.Try(set, by, t.Action, about, when, t.Context.Credential)), nil
}

// testActor is who acts in a case.
func (a *API) testActor(tenant, at string, t client.PolicyCase) (domain.Actor, error) {
	p, ok := a.principal(tenant, t.Principal)
	if !ok {
		return domain.Actor{}, domain.InvalidField(at+".principal", "there is no principal %.64q", t.Principal)
	}
	by := domain.Actor{Tenant: tenant, ID: p.ID, Kind: p.Kind, Scopes: t.Context.Scopes}
	if t.Context.ActingFor != "" {
		person, ok := a.principal(tenant, t.Context.ActingFor)
		if !ok {
			return domain.Actor{}, domain.InvalidField(at+".context.acting_for", "there is no principal %.64q", t.Context.ActingFor)
		}
		by.For = person.ID
	}
	if t.Context.Address != "" {
		address, err := netip.ParseAddr(t.Context.Address)
		if err != nil {
			return domain.Actor{}, domain.InvalidField(at+".context.address", "%.64q is not an IP address", t.Context.Address)
		}
		by.Address = address
	}
	return by, nil
}

// principal finds a principal by its name or its id.
func (a *API) principal(tenant, named string) (identity.Principal, bool) {
	if p, ok := a.cfg.Directory.PrincipalNamed(tenant, named); ok {
		return p, true
	}
	return a.cfg.Directory.Principal(identity.Ref{Tenant: tenant, ID: named})
}

// testResult holds a decision against what was expected.
func testResult(t client.PolicyCase, d identity.Decision) client.PolicyResult {
	r := client.PolicyResult{Name: t.Name, Decision: "deny", Expect: t.Expect, Policy: d.Policy, Role: d.Role, Reason: d.Reason}
	if d.Allowed {
		r.Decision = "allow"
	}
	switch {
	case r.Decision != r.Expect:
		r.Fault = fmt.Sprintf("expected %s, got %s", r.Expect, r.Decision)
	case t.Policy != "" && t.Policy != d.Policy && d.Policy == "":
		r.Fault = fmt.Sprintf("expected policy %q to decide, but none did", t.Policy)
	case t.Policy != "" && t.Policy != d.Policy:
		r.Fault = fmt.Sprintf("expected policy %q to decide, but %q did", t.Policy, d.Policy)
	}
	r.OK = r.Fault == ""
	return r
}
