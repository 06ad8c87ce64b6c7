package policy

import (
	"net/netip"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/hivemesh/hivemesh/domain/identity"
)

// Request is one question as policies see it.
type Request struct {
	Principal identity.Principal
	Tenant    string // the principal's own
	Roles     []string
	Action    string
	Resource  identity.Resource
	Context   Context
}

// Context is what a request came with.
type Context struct {
	Time       time.Time
	Address    netip.Addr // not valid: not known
	ActingFor  string     // person that an agent acts for
	Credential string     // type of the credential
	Scopes     []string   // permissions that it is limited to
}

// view is a Request in the terms of Cedar. Its entities are made when a policy
// first looks at them: most policies do not get that far. It serves one
// evaluation.
type view struct {
	r                           Request
	request                     cedar.Request
	principal, action, resource *types.Entity
}

func newView(r Request) *view {
	return &view{r: r, request: cedar.Request{
		Principal: cedar.NewEntityUID(principalType(r.Principal.Kind), cedar.String(r.Principal.ID)),
		Action:    cedar.NewEntityUID(typeAction, cedar.String(r.Action)),
		Resource:  cedar.NewEntityUID(resourceType(r.Resource.Kind, r.Action), cedar.String(r.Resource.ID)),
		Context:   r.Context.record(),
	}}
}

// Get returns one of the three entities of the request.
func (v *view) Get(uid cedar.EntityUID) (types.Entity, bool) {
	switch uid {
	case v.request.Principal:
		return made(&v.principal, v.principalEntity), true
	case v.request.Action:
		return made(&v.action, v.actionEntity), true
	case v.request.Resource:
		return made(&v.resource, v.resourceEntity), true
	}
	return types.Entity{}, false
}

func made(kept **types.Entity, mint func() types.Entity) types.Entity {
	if *kept == nil {
		e := mint()
		*kept = &e
	}
	return **kept
}

// principalEntity is who asks; its parents are its roles.
func (v *view) principalEntity() types.Entity {
	p := v.r.Principal
	held := make([]cedar.EntityUID, len(v.r.Roles))
	for i, role := range v.r.Roles {
		held[i] = cedar.NewEntityUID(typeRole, cedar.String(role))
	}
	attributes := cedar.RecordMap{
		"id": cedar.String(p.ID), "kind": cedar.String(p.Kind), "name": cedar.String(p.Name),
		"roles": texts(v.r.Roles), "tenant": cedar.String(v.r.Tenant),
	}
	if p.Owner != "" {
		attributes["owner"] = cedar.String(p.Owner)
	}
	return types.Entity{UID: v.request.Principal, Parents: cedar.NewEntityUIDSet(held...), Attributes: cedar.NewRecord(attributes)}
}

func (v *view) actionEntity() types.Entity {
	group := cedar.NewEntityUID(typeAction, cedar.String(family(v.r.Action)))
	return types.Entity{UID: v.request.Action, Parents: cedar.NewEntityUIDSet(group)}
}

func (v *view) resourceEntity() types.Entity {
	attributes := cedar.RecordMap{}
	if v.r.Resource.Attributes != nil {
		attributes = recordMap(v.r.Resource.Attributes())
	}
	if v.r.Resource.ID != "" {
		attributes["id"] = cedar.String(v.r.Resource.ID)
	}
	if v.r.Resource.Owner != "" {
		attributes["owner"] = cedar.String(v.r.Resource.Owner)
	}
	return types.Entity{UID: v.request.Resource, Attributes: cedar.NewRecord(attributes)}
}

// record is the context. What is not known is not in it.
func (c Context) record() cedar.Record {
	out := cedar.RecordMap{"time": cedar.NewDatetime(c.Time), "scopes": texts(c.Scopes)}
	if c.Address.IsValid() {
		a := c.Address.Unmap().WithZone("")
		out["address"] = cedar.IPAddr(netip.PrefixFrom(a, a.BitLen()))
	}
	if c.ActingFor != "" {
		out["acting_for"] = cedar.String(c.ActingFor)
	}
	if c.Credential != "" {
		out["credential"] = cedar.String(c.Credential)
	}
	return cedar.NewRecord(out)
}
