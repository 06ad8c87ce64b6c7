package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Engine decides by the policies that a directory holds. It is safe for
// concurrent use.
type Engine struct {
	directory *identity.Directory
	now       func() time.Time
	sets      cache
}

// New returns an Engine over the directory of a node.
func New(directory *identity.Directory) *Engine {
	return &Engine{directory: directory, now: time.Now}
}

// Decide has the last word on a decision by roles: the policies of the tenant
// that is acted in may deny what roles permit, and permit what they deny, as
// the package says. It is the function that commands.Config.Policies takes.
func (e *Engine) Decide(by domain.Actor, action string, about identity.Resource, byRoles identity.Decision) identity.Decision {
	t, _ := e.directory.Tenant(by.Tenant)
	if len(t.Policies) == 0 {
		return byRoles
	}
	return e.decide(e.sets.of(t), question{by: by, action: action, about: about, at: e.now()}, byRoles)
}

// Try decides as roles and then Decide would at a time, if set were the
// tenant's policies and the request came with a credential of a type. Nothing
// is kept.
func (e *Engine) Try(set *Set, by domain.Actor, action string, about identity.Resource, at time.Time, credential string) identity.Decision {
	byRoles := e.directory.Decide(by, action, about, at)
	return e.decide(set, question{by: by, action: action, about: about, at: at, credential: credential}, byRoles)
}

// Own compiles the policies that a tenant has now, with the error of NewSet.
func (e *Engine) Own(tenant string) (*Set, error) {
	t, _ := e.directory.Tenant(tenant)
	return NewSet(textsOf(t))
}

// question is one decision to make.
type question struct {
	by         domain.Actor
	action     string
	about      identity.Resource
	at         time.Time
	credential string // its type; empty: look it up
}

func (e *Engine) decide(set *Set, q question, byRoles identity.Decision) identity.Decision {
	if e.outOfReach(q, byRoles) {
		return byRoles
	}
	permit, missing := Verdict{}, false
	for _, p := range e.parties(q, byRoles) {
		v := set.Evaluate(p.request)
		switch {
		case v.Effect == Forbids:
			return forbidden(v, byRoles)
		case v.Effect == Permits:
			permit = v
		case !p.byRoles().Allowed:
			missing = true
		}
	}
	if byRoles.Allowed || missing || permit.Effect != Permits {
		return byRoles
	}
	if may := e.directory.MayPermit(q.by, q.action, q.about, q.at); !may.Allowed {
		return identity.Decision{Reason: fmt.Sprintf("%s; policy %q permits it in vain: %s", byRoles.Reason, permit.Policy, may.Reason)}
	}
	return identity.Decision{Allowed: true, Policy: permit.Policy, Reason: fmt.Sprintf("policy %q permits it", permit.Policy)}
}

// outOfReach reports whether policies have no say in a decision: the mesh's own
// work, what everybody may do about themselves, and what lets an admin mend
// policies.
func (e *Engine) outOfReach(q question, byRoles identity.Decision) bool {
	if q.by.Kind == domain.System || q.action == identity.ActionOwn || q.action == identity.ActionKnown {
		return true
	}
	if q.action != "policy.manage" || !byRoles.Allowed || q.by.For != "" {
		return false
	}
	roles := e.directory.Roles(identity.Ref{Tenant: q.by.HomeTenant(), ID: q.by.ID}, q.at)
	atHome := q.by.HomeTenant() == q.by.Tenant
	return slices.Contains(roles, identity.RoleSuperAdmin) || atHome && slices.Contains(roles, identity.RoleTenantAdmin)
}

// party is one principal that has to be allowed: the actor, and the person
// that it acts for.
type party struct {
	request Request
	byRoles func() identity.Decision
}

func (e *Engine) parties(q question, byRoles identity.Decision) []party {
	actor := e.request(q, q.by.ID, q.by.For)
	if q.by.For == "" {
		return []party{{request: actor, byRoles: func() identity.Decision { return byRoles }}}
	}
	own, person := q.by, domain.Actor{Tenant: q.by.Tenant, Home: q.by.Home, ID: q.by.For}
	own.For = ""
	return []party{
		{actor, func() identity.Decision { return e.directory.Decide(own, q.action, q.about, q.at) }},
		{e.request(q, person.ID, ""), func() identity.Decision { return e.directory.Decide(person, q.action, identity.Resource{}, q.at) }},
	}
}

func (e *Engine) request(q question, id, actingFor string) Request {
	home := q.by.HomeTenant()
	ref := identity.Ref{Tenant: home, ID: id}
	p, _ := e.directory.Principal(ref)
	p.ID = id
	credential := q.credential
	if credential == "" && q.by.Token != "" {
		credential = credentialOf(p, q.by.Token)
	}
	return Request{
		Principal: p, Tenant: home, Roles: e.directory.Roles(ref, q.at), Action: q.action, Resource: q.about,
		Context: Context{Time: q.at, Address: q.by.Address, ActingFor: actingFor, Credential: credential, Scopes: q.by.Scopes},
	}
}

// credentialOf tells the type of the credential that a request came with: one
// of the principal's, or the access token of a session.
func credentialOf(p identity.Principal, id string) string {
	if c, ok := p.Credentials[id]; ok {
		return string(c.Type)
	}
	return "token"
}

// forbidden words the denial by a policy.
func forbidden(v Verdict, byRoles identity.Decision) identity.Decision {
	out := identity.Decision{Policy: v.Policy, Reason: fmt.Sprintf("policy %q forbids it", v.Policy)}
	if v.Fault != "" {
		out.Reason = fmt.Sprintf("policy %q forbids it, because it cannot be evaluated: %s", v.Policy, v.Fault)
	}
	if byRoles.Role != "" {
		out.Reason += fmt.Sprintf(" (%s permits it)", byRoles.Role)
	}
	return out
}
