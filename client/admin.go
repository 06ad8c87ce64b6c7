package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// Tenants lists the tenants of the mesh.
func (c *Client) Tenants(ctx context.Context, o ListOptions) (Page[Tenant], error) {
	return get[Page[Tenant]](ctx, c, "/v1/tenants", o.query())
}

// CreateTenant makes a tenant.
func (c *Client) CreateTenant(ctx context.Context, r TenantRequest) (Receipt, error) {
	return c.command(ctx, "/v1/tenants", r)
}

// SuspendTenant stops everybody in a tenant.
func (c *Client) SuspendTenant(ctx context.Context, name, reason string) (Receipt, error) {
	return c.command(ctx, "/v1/tenants/"+url.PathEscape(name)+"/suspend", ReasonRequest{Reason: reason})
}

// ResumeTenant ends the suspension of a tenant.
func (c *Client) ResumeTenant(ctx context.Context, name string) (Receipt, error) {
	return c.command(ctx, "/v1/tenants/"+url.PathEscape(name)+"/resume", ReasonRequest{})
}

// Roles lists the roles of the tenant, the built-in ones first.
func (c *Client) Roles(ctx context.Context) ([]Role, error) {
	page, err := get[Page[Role]](ctx, c, "/v1/roles", nil)
	return page.Items, err
}

// DefineRole makes or changes a custom role.
func (c *Client) DefineRole(ctx context.Context, r Role) (Receipt, error) {
	return c.command(ctx, "/v1/roles", r)
}

// RemoveRole removes a custom role.
func (c *Client) RemoveRole(ctx context.Context, name string) (Receipt, error) {
	return c.command(ctx, "/v1/roles/"+url.PathEscape(name)+"/remove", struct{}{})
}

// Principals lists the principals of the tenant by name.
func (c *Client) Principals(ctx context.Context, o ListOptions) (Page[Principal], error) {
	return get[Page[Principal]](ctx, c, "/v1/principals", o.query())
}

// Principal returns a principal by its name, id, a prefix of its id, or "me".
func (c *Client) Principal(ctx context.Context, id string) (Principal, error) {
	return get[Principal](ctx, c, principalPath(id), nil)
}

// CreatePrincipal makes a principal that can do nothing yet.
func (c *Client) CreatePrincipal(ctx context.Context, r PrincipalRequest) (Receipt, error) {
	return c.command(ctx, "/v1/principals", r)
}

// SuspendPrincipal stops a principal at once.
func (c *Client) SuspendPrincipal(ctx context.Context, id, reason string) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/suspend", ReasonRequest{Reason: reason})
}

// ResumePrincipal ends the suspension of a principal.
func (c *Client) ResumePrincipal(ctx context.Context, id string) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/resume", ReasonRequest{})
}

// RevokeTokens ends every session and token of a principal.
func (c *Client) RevokeTokens(ctx context.Context, id, reason string) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/revoke-tokens", ReasonRequest{Reason: reason})
}

// SetTeams puts a principal into teams, and out of all others.
func (c *Client) SetTeams(ctx context.Context, id string, teams []string) (Receipt, error) {
	var out Receipt
	err := c.do(ctx, call{
		method: http.MethodPost, path: principalPath(id) + "/teams", body: TeamsRequest{Teams: append([]string{}, teams...)},
		key: uuid.NewString(), repeat: true, out: &out,
	})
	return out, err
}

// Grant gives a principal a role.
func (c *Client) Grant(ctx context.Context, id string, r GrantRequest) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/grant", r)
}

// Revoke takes a role from a principal.
func (c *Client) Revoke(ctx context.Context, id string, r GrantRequest) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/revoke", r)
}

// CreateKey makes an API key. It is not repeated by itself: each call makes one.
func (c *Client) CreateKey(ctx context.Context, id string, r KeyRequest) (NewKey, error) {
	return post[NewKey](ctx, c, principalPath(id)+"/keys", r)
}

// LinkAccount lets a person in by an account at a login provider.
func (c *Client) LinkAccount(ctx context.Context, id string, r AccountRequest) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/accounts", r)
}

// RotateKey replaces an API key.
func (c *Client) RotateKey(ctx context.Context, id, key string, r RotateRequest) (NewKey, error) {
	return post[NewKey](ctx, c, principalPath(id)+"/keys/"+url.PathEscape(key)+"/rotate", r)
}

// RemoveCredential takes a way in from a principal.
func (c *Client) RemoveCredential(ctx context.Context, id, credential, reason string) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/credentials/"+url.PathEscape(credential)+"/remove", ReasonRequest{Reason: reason})
}

// EndSession ends one session of a principal.
func (c *Client) EndSession(ctx context.Context, id, session, reason string) (Receipt, error) {
	return c.command(ctx, principalPath(id)+"/sessions/"+url.PathEscape(session)+"/end", ReasonRequest{Reason: reason})
}

// Invitations lists the invitations that are open.
func (c *Client) Invitations(ctx context.Context, o ListOptions) (Page[Invitation], error) {
	return get[Page[Invitation]](ctx, c, "/v1/invitations", o.query())
}

// Invite makes an invitation. It is not repeated by itself: each call makes one.
func (c *Client) Invite(ctx context.Context, r InviteRequest) (NewInvitation, error) {
	return post[NewInvitation](ctx, c, "/v1/invitations", r)
}

// RevokeInvitation closes an invitation.
func (c *Client) RevokeInvitation(ctx context.Context, id, reason string) (Receipt, error) {
	return c.command(ctx, "/v1/invitations/"+url.PathEscape(id)+"/revoke", ReasonRequest{Reason: reason})
}

// WhoAmI says as whom the client acts.
func (c *Client) WhoAmI(ctx context.Context) (WhoAmI, error) {
	return get[WhoAmI](ctx, c, "/v1/whoami", nil)
}

// Can asks whether somebody may do something, and why.
func (c *Client) Can(ctx context.Context, r CanRequest) (CanAnswer, error) {
	return post[CanAnswer](ctx, c, "/v1/can-i", r)
}

// Actions lists everything that can be permitted.
func (c *Client) Actions(ctx context.Context) ([]Action, error) {
	page, err := get[Page[Action]](ctx, c, "/v1/actions", nil)
	return page.Items, err
}

// Policies lists the policies of the tenant.
func (c *Client) Policies(ctx context.Context) ([]Policy, error) {
	page, err := get[Page[Policy]](ctx, c, "/v1/policies", nil)
	return page.Items, err
}

// SetPolicy makes or changes a policy.
func (c *Client) SetPolicy(ctx context.Context, r PolicyRequest) (Receipt, error) {
	return c.command(ctx, "/v1/policies", r)
}

// RemovePolicy removes a policy.
func (c *Client) RemovePolicy(ctx context.Context, name string) (Receipt, error) {
	return c.command(ctx, "/v1/policies/"+url.PathEscape(name)+"/remove", struct{}{})
}

// RotateSigningKeys makes a fresh key the one that signs access tokens.
func (c *Client) RotateSigningKeys(ctx context.Context, r RotateKeysRequest) (Receipt, error) {
	return c.command(ctx, "/v1/signing-keys/rotate", r)
}

func principalPath(id string) string { return "/v1/principals/" + url.PathEscape(id) }
