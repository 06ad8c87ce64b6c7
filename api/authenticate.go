package api

import (
	"context"
	"errors"
	"net/netip"

	"github.com/hivemesh/hivemesh/auth"
	"github.com/hivemesh/hivemesh/domain"
)

// authenticate returns who presents a credential. One that another node has
// given a moment ago is good here, too.
func (a *API) authenticate(ctx context.Context, credential string, from netip.Addr) (domain.Actor, error) {
	return a.known(ctx, func() (domain.Actor, error) { return a.cfg.Auth.Authenticate(credential, from) })
}

// known asks who somebody is, once more after this node has heard what the
// others have written if it does not know them. It fails with kind Unavailable when it
// cannot hear: a good credential must not be called a bad one.
func (a *API) known(ctx context.Context, who func() (domain.Actor, error)) (domain.Actor, error) {
	by, err := who()
	if !errors.Is(err, auth.ErrUnknown) {
		return by, err
	}
	if err := a.cfg.Commands.CatchUp(ctx); err != nil {
		return domain.Actor{}, err
	}
	return who()
}
