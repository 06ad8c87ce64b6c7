package client

import (
	"context"
	"net/http"
	"time"
)

// PolicyTest asks what roles and policies would decide. With Policies, those
// stand in for all policies of the tenant.
type PolicyTest struct {
	Policies map[string]string `json:"policies,omitempty" doc:"texts by name, in place of the tenant's own"`
	Cases    []PolicyCase      `json:"cases" minItems:"1" maxItems:"200"`
}

// PolicyCase is one question and the answer that is expected.
type PolicyCase struct {
	Name      string         `json:"name" maxLength:"256"`
	Principal string         `json:"principal" doc:"name or id of a principal of the tenant"`
	Action    string         `json:"action" doc:"such as task.submit"`
	Resource  PolicyResource `json:"resource,omitzero"`
	Context   PolicyContext  `json:"context,omitzero"`
	Expect    string         `json:"expect" enum:"allow,deny"`
	Policy    string         `json:"policy,omitempty" doc:"name of the policy that must be what decides"`
}

// PolicyResource is what the action is about.
type PolicyResource struct {
	Kind       string         `json:"kind,omitempty" doc:"such as task; default what the action is about"`
	ID         string         `json:"id,omitempty"`
	Owner      string         `json:"owner,omitempty" doc:"id of the principal that answers for it"`
	Attributes map[string]any `json:"attributes,omitempty" doc:"such as queue, priority, capabilities, labels"`
}

// PolicyContext is what the request comes with.
type PolicyContext struct {
	Time       *time.Time `json:"time,omitempty" doc:"default now"`
	Address    string     `json:"address,omitempty" doc:"IP address"`
	ActingFor  string     `json:"acting_for,omitempty" doc:"name or id of the person that an agent acts for"`
	Credential string     `json:"credential,omitempty" doc:"type of the credential, such as api_key"`
	Scopes     []string   `json:"scopes,omitempty" doc:"permissions that the credential is limited to"`
}

// PolicyReport is the outcome of a PolicyTest, case by case.
type PolicyReport struct {
	Items  []PolicyResult `json:"items"`
	Failed int            `json:"failed" doc:"cases that came out otherwise than expected"`
}

// PolicyResult is the outcome of one case.
type PolicyResult struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Decision string `json:"decision" enum:"allow,deny"`
	Expect   string `json:"expect" enum:"allow,deny"`
	Policy   string `json:"policy,omitempty" doc:"that decided, if one did"`
	Role     string `json:"role,omitempty" doc:"that permits it, if one does and no policy decided"`
	Reason   string `json:"reason,omitempty"`
	Fault    string `json:"fault,omitempty" doc:"what is not as expected"`
}

// TestPolicies asks what would be decided, and changes nothing.
func (c *Client) TestPolicies(ctx context.Context, t PolicyTest) (PolicyReport, error) {
	var out PolicyReport
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/policies/test", body: t, repeat: true, out: &out})
	return out, err
}
