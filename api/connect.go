package api

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/hivemesh/hivemesh/auth/natsauth"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain/identity"
)

// Connect says what a client of NATS may do: it presents a credential as its
// token, and gets the subjects of its principal; those of one agent, too, when
// its name says that it is one and the principal may act as it. A credential
// that is limited, or that acts for somebody, is for HTTP: a connection has no
// rights of its own.
func (a *API) Connect(ctx context.Context, r natsauth.Request) (natsauth.Grant, error) {
	credential := r.Token
	if credential == "" {
		credential = r.Password
	}
	from, _ := netip.ParseAddr(r.ClientAddr)
	by, err := a.authenticate(ctx, credential, from)
	if err != nil {
		return natsauth.Grant{}, err
	}
	if len(by.Scopes) > 0 || by.For != "" {
		return natsauth.Grant{}, errors.New("a limited credential is for HTTP only")
	}
	if err := a.cfg.Commands.Authorise(by, identity.ActionKnown, identity.Resource{}); err != nil {
		return natsauth.Grant{}, err
	}
	agent, ok := strings.CutPrefix(r.Name, client.AgentConnection)
	if !ok {
		grant, err := natsauth.PrincipalGrant(by.Tenant, by.ID)
		if !a.may(caller{actor: by}, "task.read") { // signals tell of every task
			grant.Subscribe = slices.DeleteFunc(grant.Subscribe, func(s string) bool { return strings.HasPrefix(s, "sig.") })
		}
		grant.Expires = by.Expires
		return grant, err
	}
	if err := a.asAgent(ctx, caller{actor: by}, agent); err != nil {
		return natsauth.Grant{}, err
	}
	grant, err := natsauth.AgentGrant(by.Tenant, by.ID, agent)
	grant.Expires = by.Expires
	return grant, err
}
