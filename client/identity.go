package client

import "time"

// HeaderTenant names the tenant that a request is about, for those who may act
// in several.
const HeaderTenant = "X-Mesh-Tenant"

// Tenant is one division of a mesh.
type Tenant struct {
	Name      string    `json:"name"`
	Title     string    `json:"title,omitempty"`
	Suspended bool      `json:"suspended,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// TenantRequest makes a tenant.
type TenantRequest struct {
	Name  string `json:"name" doc:"lower-case letters, digits and dashes, 63 at most"`
	Title string `json:"title,omitempty"`
}

// ReasonRequest says why something is done.
type ReasonRequest struct {
	Reason string `json:"reason,omitempty"`
}

// Role is a named set of permissions.
type Role struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Permissions []string `json:"permissions" doc:"actions, or patterns such as task.*"`
	Builtin     bool     `json:"builtin,omitempty"`
}

// Principal is a person, an agent or a service.
type Principal struct {
	ID          string       `json:"id"`
	Tenant      string       `json:"tenant"`
	Kind        string       `json:"kind"`
	Name        string       `json:"name"`
	Owner       string       `json:"owner,omitempty"`
	Suspended   bool         `json:"suspended,omitempty"`
	CreatedAt   time.Time    `json:"created_at"`
	Roles       []string     `json:"roles"`
	Teams       []string     `json:"teams,omitempty" doc:"whose items of memory it recalls"`
	Credentials []Credential `json:"credentials,omitempty"`
	Sessions    []Session    `json:"sessions,omitempty"`
}

// Credential is a way in, without what would let anybody in.
type Credential struct {
	ID        string     `json:"id"`
	Type      string     `json:"type"`
	Name      string     `json:"name,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	Networks  []string   `json:"networks,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	LastUsed  *time.Time `json:"last_used,omitempty" doc:"to the hour"`
}

// Session is one login that counts.
type Session struct {
	ID        string    `json:"id"`
	Client    string    `json:"client"`
	Methods   []string  `json:"methods,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"`
	Agent     string    `json:"agent,omitempty" doc:"that acts for the principal"`
	StartedAt time.Time `json:"started_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// PrincipalRequest makes a principal that can do nothing yet.
type PrincipalRequest struct {
	Kind  string `json:"kind" enum:"human,agent,service"`
	Name  string `json:"name"`
	Owner string `json:"owner,omitempty" doc:"who answers for an agent or a service; default: the caller"`
}

// TeamsRequest says which teams a principal is in.
type TeamsRequest struct {
	Teams []string `json:"teams" doc:"all of them; none takes it out of every team" nullable:"false"`
}

// GrantRequest gives a role, or takes it.
type GrantRequest struct {
	Role      string     `json:"role"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"when the grant ends by itself"`
	Reason    string     `json:"reason,omitempty"`
}

// KeyRequest makes an API key.
type KeyRequest struct {
	Name      string     `json:"name,omitempty" doc:"what it is for"`
	Scopes    []string   `json:"scopes,omitempty" doc:"permissions that it is limited to; none = all of its principal"`
	Networks  []string   `json:"networks,omitempty" doc:"CIDRs that it works from; none = everywhere"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// RotateRequest replaces an API key by a new one with the same limits.
type RotateRequest struct {
	OverlapMS *int64 `json:"overlap_ms,omitempty" doc:"how long the old key goes on working; default one day" minimum:"0"`
}

// NewKey is an API key, shown this once.
type NewKey struct {
	Receipt
	Key string `json:"key"`
}

// InviteRequest makes an invitation.
type InviteRequest struct {
	Kind      string     `json:"kind" enum:"human,agent"`
	Name      string     `json:"name,omitempty" doc:"that the principal will have; none = the guest chooses"`
	Owner     string     `json:"owner,omitempty" doc:"who answers for an agent; default: the caller"`
	Principal string     `json:"principal,omitempty" doc:"that exists and gets a new way in"`
	Roles     []string   `json:"roles,omitempty" maxItems:"100"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"default in one day"`
}

// NewInvitation is an invitation, shown this once.
type NewInvitation struct {
	Receipt
	Invitation string    `json:"invitation"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Invitation is an invitation that is open, without its secret.
type Invitation struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Name      string    `json:"name,omitempty"`
	Owner     string    `json:"owner,omitempty"`
	Principal string    `json:"principal,omitempty"`
	Roles     []string  `json:"roles,omitempty"`
	IssuedBy  string    `json:"issued_by"`
	ExpiresAt time.Time `json:"expires_at"`
}

// WhoAmI says as whom a credential acts.
type WhoAmI struct {
	Tenant    string   `json:"tenant" doc:"acted in"`
	Home      string   `json:"home,omitempty" doc:"the principal's own tenant, when it is another one"`
	Principal string   `json:"principal"`
	Kind      string   `json:"kind"`
	Name      string   `json:"name"`
	Roles     []string `json:"roles"`
	Rights    []string `json:"rights" doc:"actions that are permitted"`
	Scopes    []string `json:"scopes,omitempty" doc:"that the credential is limited to"`
	For       string   `json:"for,omitempty" doc:"person that the agent acts for"`
}

// CanRequest asks whether somebody may do something.
type CanRequest struct {
	Principal string         `json:"principal,omitempty" doc:"default: the caller"`
	Action    string         `json:"action"`
	Resource  *CanBeResource `json:"resource,omitempty"`
}

// CanBeResource is what an action is about.
type CanBeResource struct {
	Kind string `json:"kind" doc:"such as agent"`
	ID   string `json:"id"`
}

// CanAnswer is a decision and why.
type CanAnswer struct {
	Allowed bool   `json:"allowed"`
	Role    string `json:"role,omitempty" doc:"that permits it"`
	Policy  string `json:"policy,omitempty" doc:"that decided"`
	Reason  string `json:"reason,omitempty"`
}

// Action is something that can be permitted.
type Action struct {
	Name     string `json:"name"`
	Does     string `json:"does"`
	MeshWide bool   `json:"mesh_wide,omitempty" doc:"concerns all tenants"`
}

// Policy is a text of conditions.
type Policy struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Text    string `json:"text"`
}

// PolicyRequest sets a policy.
type PolicyRequest struct {
	Name string `json:"name"`
	Text string `json:"text" doc:"cedar"`
}

// RotateKeysRequest rotates the keys of access tokens.
type RotateKeysRequest struct {
	OverlapMS *int64 `json:"overlap_ms,omitempty" doc:"how long tokens of the old key count; default one hour" minimum:"0"`
}
