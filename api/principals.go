package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// principalRoutes are about who may act, and their ways in.
func (a *API) principalRoutes(h huma.API) {
	s := a.cfg.Commands
	memoryList(a, h, "/v1/principals", "list-principals", "List the principals by name", func(c caller) []client.Principal {
		return converted(a.cfg.Directory.PrincipalsOf(c.actor.Tenant), func(p identity.Principal) client.Principal { return a.shortPrincipal(c.actor.Tenant, p) })
	}, func(p client.Principal) string { return p.Name }, func(p client.Principal) map[string]string {
		return map[string]string{"id": p.ID, "name": p.Name, "kind": p.Kind, "owner": p.Owner, "suspended": yes(p.Suspended)}
	})
	creation(a, h, "/v1/principals", "create-principal", "Make a principal that can do nothing yet", func(ctx context.Context, c caller, r client.PrincipalRequest) (client.Receipt, error) {
		owner := r.Owner
		if owner != "" {
			p, err := a.findPrincipal(c, owner)
			if err != nil {
				return client.Receipt{}, domain.InvalidField("owner", "%.64q is no principal of the tenant", owner)
			}
			owner = p.ID
		}
		meta, err := c.creating("")
		if err != nil {
			return client.Receipt{}, err
		}
		return a.done(s.CreatePrincipal(ctx, c.actor, meta, commands.NewPrincipal{Kind: domain.ActorKind(r.Kind), Name: r.Name, Owner: owner}))
	})
	getRoute(a, h, "/v1/principals/{id}", "get-principal", "Get a principal with its ways in and its sessions", func(_ context.Context, c caller, in *nameInput) (client.Principal, error) {
		p, err := a.visible(c, in.ID)
		if err != nil {
			return client.Principal{}, err
		}
		return a.fullPrincipal(c, p), nil
	})
	aboutPrincipal(a, h, "suspend", "Stop a principal at once", func(ctx context.Context, c caller, id string, r client.ReasonRequest) (client.Receipt, error) {
		return a.done(s.SuspendPrincipal(ctx, c.actor, c.meta(), id, r.Reason))
	})
	aboutPrincipal(a, h, "resume", "End the suspension of a principal", func(ctx context.Context, c caller, id string, _ client.ReasonRequest) (client.Receipt, error) {
		return a.done(s.ResumePrincipal(ctx, c.actor, c.meta(), id))
	})
	aboutPrincipal(a, h, "revoke-tokens", "End every session and token of a principal", func(ctx context.Context, c caller, id string, r client.ReasonRequest) (client.Receipt, error) {
		return a.done(s.RevokeTokens(ctx, c.actor, c.meta(), id, r.Reason))
	})
	aboutPrincipal(a, h, "grant", "Give a principal a role", func(ctx context.Context, c caller, id string, r client.GrantRequest) (client.Receipt, error) {
		return a.done(s.GrantRole(ctx, c.actor, c.meta(), identity.Grant{Principal: id, Role: r.Role}, givenTime(r.ExpiresAt)))
	})
	aboutPrincipal(a, h, "revoke", "Take a role from a principal", func(ctx context.Context, c caller, id string, r client.GrantRequest) (client.Receipt, error) {
		return a.done(s.RevokeRole(ctx, c.actor, c.meta(), identity.Grant{Principal: id, Role: r.Role}, r.Reason))
	})
	a.teamsRoute(h)
	aboutPrincipal(a, h, "keys", "Make an API key, shown once", a.createKey)
	aboutPrincipal(a, h, "accounts", "Let a person in by an account at a login provider", func(ctx context.Context, c caller, id string, r client.AccountRequest) (client.Receipt, error) {
		return a.done(a.cfg.Login.LinkAccount(ctx, c.actor, c.meta(), id, r.Provider, r.Subject))
	})
	a.credentialRoutes(h)
	a.invitationRoutes(h)
}

type teamsInput struct {
	ID   string `path:"id" doc:"name, id, a prefix of it of at least 4 characters, or me"`
	Body client.TeamsRequest
}

// teamsRoute replaces the teams of a principal.
func (a *API) teamsRoute(h huma.API) {
	op := commandOperation("/v1/principals/{id}/teams", "principal-teams", "Say which teams a principal is in")
	huma.Register(h, op, func(ctx context.Context, in *teamsInput) (*output[client.Receipt], error) {
		return answer(ctx, a, func(c caller) (client.Receipt, error) {
			p, err := a.findPrincipal(c, in.ID)
			if err != nil {
				return client.Receipt{}, err
			}
			return a.done(a.cfg.Commands.SetTeams(ctx, c.actor, c.meta(), p.ID, in.Body.Teams))
		})
	})
}

type nameInput struct {
	ID string `path:"id" doc:"name, id, a prefix of it of at least 4 characters, or me"`
}

// aboutPrincipal registers a command about the principal that the path names.
func aboutPrincipal[Req, Res any](a *API, h huma.API, verb, summary string, do func(context.Context, caller, string, Req) (Res, error)) {
	identityCommand(a, h, "/v1/principals/{id}/"+verb, "principal-"+verb, summary, func(ctx context.Context, c caller, id string, r Req) (Res, error) {
		p, err := a.findPrincipal(c, id)
		if err != nil {
			var none Res
			return none, err
		}
		return do(ctx, c, p.ID, r)
	})
}

// findPrincipal finds a principal of the caller's tenant.
func (a *API) findPrincipal(c caller, s string) (identity.Principal, error) {
	if s == "me" {
		s = c.actor.ID
	}
	if p, ok := a.cfg.Directory.Principal(identity.Ref{Tenant: c.actor.Tenant, ID: s}); ok {
		return p, nil
	}
	if p, ok := a.cfg.Directory.PrincipalNamed(c.actor.Tenant, s); ok {
		return p, nil
	}
	if len(s) < minPrefix {
		return identity.Principal{}, identity.ErrPrincipalNotFound
	}
	var found []identity.Principal
	for _, p := range a.cfg.Directory.PrincipalsOf(c.actor.Tenant) {
		if strings.HasPrefix(p.ID, s) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return identity.Principal{}, identity.ErrPrincipalNotFound
	case 1:
		return found[0], nil
	}
	return identity.Principal{}, domain.InvalidField("id", "%.40q is the beginning of %d ids; give more of it", s, len(found))
}

// visible is findPrincipal for those who may see it: everybody sees oneself.
func (a *API) visible(c caller, s string) (identity.Principal, error) {
	p, err := a.findPrincipal(c, s)
	if (err != nil || p.ID != c.actor.ID) && !a.may(c, "identity.read") {
		return p, identity.ErrPrincipalNotFound
	}
	return p, err
}

func (a *API) shortPrincipal(tenant string, p identity.Principal) client.Principal {
	return client.Principal{
		ID: p.ID, Tenant: tenant, Kind: string(p.Kind), Name: p.Name, Owner: p.Owner, Suspended: p.Suspended, CreatedAt: p.CreatedAt, Teams: p.Teams,
		Roles: orEmpty(a.cfg.Directory.Roles(identity.Ref{Tenant: tenant, ID: p.ID}, time.Now())),
	}
}

func (a *API) fullPrincipal(c caller, p identity.Principal) client.Principal {
	out := a.shortPrincipal(c.actor.Tenant, p)
	for id, cr := range p.Credentials {
		out.Credentials = append(out.Credentials, client.Credential{
			ID: id, Type: string(cr.Type), Name: cr.Name, Scopes: cr.Scopes, Networks: cr.Networks,
			ExpiresAt: pointerTo(cr.ExpiresAt), LastUsed: pointerTo(p.LastUsed[id]),
		})
	}
	slices.SortFunc(out.Credentials, func(x, y client.Credential) int { return strings.Compare(x.ID, y.ID) })
	for _, s := range a.cfg.Directory.SessionsOf(identity.Ref{Tenant: c.actor.Tenant, ID: p.ID}) {
		if _, counts := a.cfg.Directory.Session(s.ID, time.Now()); counts {
			out.Sessions = append(out.Sessions, client.Session{
				ID: s.ID, Client: s.Client, Methods: s.Methods, Scopes: s.Scopes, Agent: s.Actor, StartedAt: s.StartedAt, ExpiresAt: s.ExpiresAt,
			})
		}
	}
	return out
}

func pointerTo(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// createKey makes an API key of a principal.
func (a *API) createKey(ctx context.Context, c caller, id string, r client.KeyRequest) (client.NewKey, error) {
	key, keyID, verifier := auth.NewAPIKey()
	receipt, err := a.done(a.cfg.Commands.SetCredential(ctx, c.actor, c.meta(), id, identity.Credential{
		ID: keyID, Type: identity.CredentialAPIKey, Name: r.Name, Verifier: verifier, Scopes: r.Scopes, Networks: r.Networks,
		ExpiresAt: givenTime(r.ExpiresAt),
	}))
	receipt.ID = keyID
	return client.NewKey{Receipt: receipt, Key: key}, err
}

// defaultOverlap is how long a key that is rotated goes on working.
const defaultOverlap = 24 * time.Hour

type keyInput struct {
	ID   string `path:"id" doc:"of the principal, or me"`
	Key  string `path:"key"`
	Body *client.RotateRequest
}

type partInput struct {
	ID   string `path:"id" doc:"of the principal, or me"`
	Part string `path:"part"`
	Body *client.ReasonRequest
}

// credentialRoutes are about single credentials and sessions of a principal.
func (a *API) credentialRoutes(h huma.API) {
	huma.Register(h, commandOperation("/v1/principals/{id}/keys/{key}/rotate", "rotate-key", "Replace an API key, with an overlap"),
		func(ctx context.Context, in *keyInput) (*output[client.NewKey], error) {
			return answer(ctx, a, func(c caller) (client.NewKey, error) { return a.rotateKey(ctx, c, in) })
		})
	part := func(path, id, summary string, do func(ctx context.Context, c caller, principal, part, reason string) (commands.Result, error)) {
		huma.Register(h, commandOperation("/v1/principals/{id}/"+path, id, summary), func(ctx context.Context, in *partInput) (*output[client.Receipt], error) {
			return answer(ctx, a, func(c caller) (client.Receipt, error) {
				p, err := a.findPrincipal(c, in.ID)
				if err != nil {
					return client.Receipt{}, err
				}
				reason := ""
				if in.Body != nil {
					reason = in.Body.Reason
				}
				return a.done(do(ctx, c, p.ID, in.Part, reason))
			})
		})
	}
	part("credentials/{part}/remove", "remove-credential", "Take a way in from a principal", func(ctx context.Context, c caller, principal, part, reason string) (commands.Result, error) {
		return a.cfg.Commands.RemoveCredential(ctx, c.actor, c.meta(), principal, part, reason)
	})
	part("sessions/{part}/end", "end-session", "End a session", func(ctx context.Context, c caller, principal, part, reason string) (commands.Result, error) {
		if s, ok := a.cfg.Directory.Session(part, time.Now()); !ok || s.Tenant != c.actor.Tenant || s.Principal != principal {
			return commands.Result{}, identity.ErrSessionNotFound
		}
		return a.cfg.Commands.EndSession(ctx, c.actor, c.meta(), part, reason)
	})
}

func (a *API) rotateKey(ctx context.Context, c caller, in *keyInput) (client.NewKey, error) {
	p, err := a.findPrincipal(c, in.ID)
	if err != nil {
		return client.NewKey{}, err
	}
	old, ok := p.Credentials[in.Key]
	if !ok || old.Type != identity.CredentialAPIKey {
		return client.NewKey{}, identity.ErrCredentialNotFound
	}
	made, err := a.createKey(ctx, c, p.ID, client.KeyRequest{Name: old.Name, Scopes: old.Scopes, Networks: old.Networks, ExpiresAt: pointerTo(old.ExpiresAt)})
	if err != nil {
		return made, err
	}
	overlap := defaultOverlap
	if in.Body != nil && in.Body.OverlapMS != nil {
		overlap = time.Duration(*in.Body.OverlapMS) * time.Millisecond
	}
	if overlap <= 0 {
		_, err = a.cfg.Commands.RemoveCredential(ctx, c.actor, c.meta(), p.ID, in.Key, "rotated")
		return made, err
	}
	if ends := time.Now().Add(overlap); old.ExpiresAt.IsZero() || ends.Before(old.ExpiresAt) {
		old.ExpiresAt = ends
		_, err = a.cfg.Commands.SetCredential(ctx, c.actor, c.meta(), p.ID, old)
	}
	return made, err
}

// defaultInvitation is how long an invitation is open.
const defaultInvitation = 24 * time.Hour

func (a *API) invitationRoutes(h huma.API) {
	s := a.cfg.Commands
	memoryList(a, h, "/v1/invitations", "list-invitations", "List the invitations that are open", func(c caller) []client.Invitation {
		return converted(a.cfg.Directory.InvitationsOf(c.actor.Tenant, time.Now()), func(i identity.InvitationOf) client.Invitation {
			return client.Invitation{
				ID: i.ID, Kind: string(i.Kind), Name: i.Name, Owner: i.Owner, Principal: i.Principal, Roles: i.Roles, IssuedBy: i.IssuedBy, ExpiresAt: i.ExpiresAt,
			}
		})
	}, func(i client.Invitation) string { return i.ID }, func(i client.Invitation) map[string]string {
		return map[string]string{"id": i.ID, "kind": i.Kind, "name": i.Name, "owner": i.Owner}
	})
	creation(a, h, "/v1/invitations", "invite", "Invite a person, or let an agent join; shown once", a.invite)
	identityCommand(a, h, "/v1/invitations/{id}/revoke", "revoke-invitation", "Close an invitation", func(ctx context.Context, c caller, id string, r client.ReasonRequest) (client.Receipt, error) {
		return a.done(s.RevokeInvitation(ctx, c.actor, c.meta(), id, r.Reason))
	})
}

func (a *API) invite(ctx context.Context, c caller, r client.InviteRequest) (client.NewInvitation, error) {
	issue := identity.InvitationIssued{Kind: domain.ActorKind(r.Kind), Name: r.Name, Roles: r.Roles, ExpiresAt: givenTime(r.ExpiresAt)}
	for _, f := range []struct {
		field, given string
		id           *string
	}{{"owner", r.Owner, &issue.Owner}, {"principal", r.Principal, &issue.Principal}} {
		if f.given == "" {
			continue
		}
		p, err := a.findPrincipal(c, f.given)
		if err != nil {
			return client.NewInvitation{}, domain.InvalidField(f.field, "%.64q is no principal of the tenant", f.given)
		}
		*f.id = p.ID
	}
	if issue.ExpiresAt.IsZero() {
		issue.ExpiresAt = time.Now().Add(defaultInvitation)
	}
	id := uuid.NewString()
	secret, verifier := auth.NewSecret()
	issue.Verifier = verifier
	receipt, err := a.done(a.cfg.Commands.IssueInvitation(ctx, c.actor, c.meta(), id, issue))
	if err != nil {
		return client.NewInvitation{}, err
	}
	return client.NewInvitation{Receipt: receipt, Invitation: login.InvitationText(id, secret), ExpiresAt: issue.ExpiresAt}, nil
}
