package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/auth/policy"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
	"github.com/hivemesh/hivemesh/projections"
)

// ref is where a caller's own principal stands.
func ref(by domain.Actor) identity.Ref { return identity.Ref{Tenant: by.HomeTenant(), ID: by.ID} }

// memoryList registers a list that is read from the directory: it is there
// even while Postgres is away. Items come in the order of their keys.
func memoryList[T any](a *API, h huma.API, path, id, summary string, read func(c caller) []T, key func(T) string, fields func(T) map[string]string) {
	getRoute(a, h, path, id, summary, func(ctx context.Context, c caller, in *memoryInput) (client.Page[T], error) {
		if err := a.awaitIdentities(ctx, in.After); err != nil {
			return client.Page[T]{}, err
		}
		out := client.Page[T]{Items: []T{}, Position: a.cfg.Store.Position(a.cfg.Directory.Seq())}
		after, err := base64.RawURLEncoding.DecodeString(in.Cursor)
		if err != nil {
			return out, domain.InvalidField("cursor", "%.80q is not a cursor of this list", in.Cursor)
		}
		for _, item := range read(c) {
			if in.Cursor != "" && key(item) <= string(after) {
				continue
			}
			fits, err := projections.Match(in.Filter, fields(item))
			if err != nil {
				return out, err
			}
			if !fits {
				continue
			}
			if len(out.Items) == in.Limit {
				out.Next = base64.RawURLEncoding.EncodeToString([]byte(key(out.Items[in.Limit-1])))
				break
			}
			out.Items = append(out.Items, item)
		}
		return out, nil
	})
}

// awaitIdentities waits until a position could be in the directory. It answers
// anyway when that takes long: the events between may be about something else.
func (a *API) awaitIdentities(ctx context.Context, after string) error {
	seq, err := a.cfg.Store.ParsePosition(after)
	if err != nil {
		return err
	}
	if last, err := a.cfg.Store.LastOf(ctx, identity.EntityKind); err == nil {
		seq = min(seq, last)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_ = a.cfg.Directory.Await(ctx, seq)
	return nil
}

type memoryInput struct {
	Filter string `query:"filter" doc:"such as: kind:agent owner!=…"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
	After  string `query:"after" doc:"wait until this position is known, for up to 5 s"`
}

// identityCommand registers a command about the thing that the path names.
func identityCommand[Req, Res any](a *API, h huma.API, path, id, summary string, do func(context.Context, caller, string, Req) (Res, error)) {
	huma.Register(h, commandOperation(path, id, summary), func(ctx context.Context, in *struct {
		ID   string `path:"id"`
		Body *Req
	},
	) (*output[Res], error) {
		return answer(ctx, a, func(c caller) (Res, error) {
			var req Req
			if in.Body != nil {
				req = *in.Body
			}
			return do(ctx, c, in.ID, req)
		})
	})
}

// creation registers a command that makes something.
func creation[Req, Res any](a *API, h huma.API, path, id, summary string, do func(context.Context, caller, Req) (Res, error)) {
	huma.Register(h, commandOperation(path, id, summary), func(ctx context.Context, in *bodyInput[Req]) (*output[Res], error) {
		return answer(ctx, a, func(c caller) (Res, error) { return do(ctx, c, in.Body) })
	})
}

// identityRoutes are about tenants, roles and policies, and about oneself.
func (a *API) identityRoutes(h huma.API) {
	s := a.cfg.Commands
	memoryList(a, h, "/v1/tenants", "list-tenants", "List the tenants by name", func(caller) []client.Tenant {
		return converted(a.cfg.Directory.Tenants(), func(t identity.Tenant) client.Tenant {
			return client.Tenant{Name: t.Name, Title: t.Title, Suspended: t.Suspended, CreatedAt: t.CreatedAt}
		})
	}, func(t client.Tenant) string { return t.Name }, func(t client.Tenant) map[string]string {
		return map[string]string{"name": t.Name, "suspended": yes(t.Suspended)}
	})
	creation(a, h, "/v1/tenants", "create-tenant", "Make a tenant", func(ctx context.Context, c caller, r client.TenantRequest) (client.Receipt, error) {
		return a.done(s.CreateTenant(ctx, c.actor, c.meta(), r.Name, r.Title))
	})
	identityCommand(a, h, "/v1/tenants/{id}/suspend", "suspend-tenant", "Stop everybody in a tenant", func(ctx context.Context, c caller, id string, r client.ReasonRequest) (client.Receipt, error) {
		return a.done(s.SuspendTenant(ctx, c.actor, c.meta(), id, r.Reason))
	})
	identityCommand(a, h, "/v1/tenants/{id}/resume", "resume-tenant", "End the suspension of a tenant", func(ctx context.Context, c caller, id string, _ client.ReasonRequest) (client.Receipt, error) {
		return a.done(s.ResumeTenant(ctx, c.actor, c.meta(), id))
	})
	a.roleRoutes(h)
	a.policyRoutes(h)
	getRoute(a, h, "/v1/whoami", "whoami", "Tell as whom one acts", func(_ context.Context, c caller, _ *struct{}) (client.WhoAmI, error) {
		return a.whoAmI(c), nil
	})
	getRoute(a, h, "/v1/actions", "list-actions", "List everything that can be permitted", func(context.Context, caller, *struct{}) (client.Page[client.Action], error) {
		return whole(a, converted(identity.Actions(), func(x identity.Action) client.Action { return client.Action(x) })), nil
	})
	op := operation(http.MethodPost, "/v1/can-i", "can-i", "Ask whether somebody may do something, and why")
	huma.Register(h, op, func(ctx context.Context, in *bodyInput[client.CanRequest]) (*output[client.CanAnswer], error) {
		return answer(ctx, a, func(c caller) (client.CanAnswer, error) { return a.can(ctx, c, in.Body) })
	})
	creation(a, h, "/v1/signing-keys/rotate", "rotate-signing-keys", "Rotate the keys of access tokens", func(ctx context.Context, c caller, r client.RotateKeysRequest) (client.Receipt, error) {
		overlap := time.Hour
		if r.OverlapMS != nil {
			overlap = time.Duration(*r.OverlapMS) * time.Millisecond
		}
		return a.done(a.cfg.Login.Rotate(ctx, c.actor, c.meta(), overlap))
	})
}

func (a *API) roleRoutes(h huma.API) {
	s := a.cfg.Commands
	getRoute(a, h, "/v1/roles", "list-roles", "List the roles, the built-in ones first", func(_ context.Context, c caller, _ *struct{}) (client.Page[client.Role], error) {
		roles := converted(identity.BuiltinRoles(), func(r identity.Role) client.Role {
			return client.Role{Name: r.Name, Description: r.Description, Permissions: r.Permissions, Builtin: true}
		})
		t, _ := a.cfg.Directory.Tenant(c.actor.Tenant)
		for _, r := range t.RoleList() {
			roles = append(roles, client.Role{Name: r.Name, Description: r.Description, Permissions: r.Permissions})
		}
		return whole(a, roles), nil
	})
	creation(a, h, "/v1/roles", "define-role", "Make or change a custom role", func(ctx context.Context, c caller, r client.Role) (client.Receipt, error) {
		return a.done(s.DefineRole(ctx, c.actor, c.meta(), identity.Role{Name: r.Name, Description: r.Description, Permissions: r.Permissions}))
	})
	identityCommand(a, h, "/v1/roles/{id}/remove", "remove-role", "Remove a custom role", func(ctx context.Context, c caller, id string, _ struct{}) (client.Receipt, error) {
		return a.done(s.RemoveRole(ctx, c.actor, c.meta(), id))
	})
}

func (a *API) policyRoutes(h huma.API) {
	s := a.cfg.Commands
	getRoute(a, h, "/v1/policies", "list-policies", "List the policies", func(_ context.Context, c caller, _ *struct{}) (client.Page[client.Policy], error) {
		t, _ := a.cfg.Directory.Tenant(c.actor.Tenant)
		return whole(a, converted(t.PolicyList(), func(p identity.Policy) client.Policy { return client.Policy(p) })), nil
	})
	creation(a, h, "/v1/policies", "set-policy", "Make or change a policy", func(ctx context.Context, c caller, r client.PolicyRequest) (client.Receipt, error) {
		return a.done(s.SetPolicy(ctx, c.actor, c.meta(), r.Name, r.Text, policy.Check))
	})
	identityCommand(a, h, "/v1/policies/{id}/remove", "remove-policy", "Remove a policy", func(ctx context.Context, c caller, id string, _ struct{}) (client.Receipt, error) {
		return a.done(s.RemovePolicy(ctx, c.actor, c.meta(), id))
	})
}

func (a *API) whoAmI(c caller) client.WhoAmI {
	p, _ := a.cfg.Directory.Principal(ref(c.actor))
	rights := a.cfg.Directory.RightsOf(c.actor, time.Now())
	var names []string
	for _, action := range identity.Actions() {
		if rights[action.Name] {
			names = append(names, action.Name)
		}
	}
	return client.WhoAmI{
		Tenant: c.actor.Tenant, Home: c.actor.Home, Principal: p.ID, Kind: string(p.Kind), Name: p.Name,
		Roles: orEmpty(a.cfg.Directory.Roles(ref(c.actor), time.Now())), Rights: orEmpty(names), Scopes: c.actor.Scopes, For: c.actor.For,
	}
}

// can answers about the caller, or about another principal for those who may
// see what it holds.
func (a *API) can(ctx context.Context, c caller, r client.CanRequest) (client.CanAnswer, error) {
	by := c.actor
	if r.Principal != "" && r.Principal != "me" {
		if err := a.allow(c, "identity.read"); err != nil {
			return client.CanAnswer{}, err
		}
		p, err := a.findPrincipal(c, r.Principal)
		if err != nil {
			return client.CanAnswer{}, err
		}
		by = domain.Actor{Tenant: c.actor.Tenant, ID: p.ID, Kind: p.Kind}
	}
	if !slices.ContainsFunc(identity.Actions(), func(x identity.Action) bool { return x.Name == r.Action }) {
		return client.CanAnswer{}, domain.InvalidField("action", "there is no action %.64q; GET /v1/actions lists them", r.Action)
	}
	var about identity.Resource
	if r.Resource != nil {
		about = identity.Resource{Kind: r.Resource.Kind, ID: r.Resource.ID}
		if about.Kind == "agent" {
			about = a.cfg.Commands.AboutAgent(ctx, by, r.Resource.ID)
		}
	}
	d := a.cfg.Commands.Decide(by, r.Action, about)
	return client.CanAnswer{Allowed: d.Allowed, Role: d.Role, Policy: d.Policy, Reason: d.Reason}, nil
}

// whole is a list that always fits on one page.
func whole[T any](a *API, items []T) client.Page[T] {
	return client.Page[T]{Items: orEmpty(items), Position: a.cfg.Store.Position(a.cfg.Directory.Seq())}
}

func converted[From, To any](items []From, convert func(From) To) []To {
	out := make([]To, len(items))
	for i, item := range items {
		out[i] = convert(item)
	}
	return out
}

func orEmpty[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
