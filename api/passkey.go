package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// The cookie that ties the halves of a ceremony to one browser. Where the mesh
// is reached by https, its prefix keeps other hosts of the domain from setting
// it (RFC 6265bis, section 4.1.3.2).
const (
	ceremonyCookie       = "mesh-passkey"
	ceremonyCookieSecure = "__Host-mesh-passkey"
)

// passkeyRoutes are the halves of both ceremonies. Passkeys are listed and
// removed as every other credential of a principal.
func (a *API) passkeyRoutes(h huma.API) {
	s := a.cfg.Login
	beginRoute(a, h, "register", "Begin to make a passkey of one's own", func(ctx context.Context, c caller, _ struct{}) (login.Ceremony, error) {
		return s.BeginPasskey(ctx, c.actor)
	})
	finishRoute(a, h, "register", "Make a passkey one's way in", func(ctx context.Context, c caller, ticket string, r client.PasskeyRegistration) (client.Credential, error) {
		made, err := s.FinishPasskey(ctx, c.actor, login.NewPasskey{Visit: c.visit(""), Ticket: ticket, Response: r.Credential, Name: r.Name})
		return client.Credential{ID: made.ID, Type: string(made.Type), Name: made.Name}, err
	})
	beginRoute(a, h, "login", "Begin a login by a passkey, alone or after a password", func(ctx context.Context, c caller, r client.PasskeyLoginRequest) (login.Ceremony, error) {
		if r.Tenant == "" {
			r.Tenant = domain.DefaultTenant
		}
		return s.BeginPasskeyLogin(ctx, login.Attempt{Visit: c.visit(""), Tenant: r.Tenant, Name: r.Login, Password: r.Password})
	})
	finishRoute(a, h, "login", "Log in by a passkey", func(ctx context.Context, c caller, ticket string, r client.PasskeyLogin) (client.Tokens, error) {
		return tokens(s.FinishPasskeyLogin(ctx, login.PasskeyProof{Visit: c.visit(r.Client), Ticket: ticket, Response: r.Credential}))
	})
}

type begunOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      client.PasskeyOptions
}

// beginRoute registers the first half of a ceremony.
func beginRoute[Req any](a *API, h huma.API, what, summary string, do func(context.Context, caller, Req) (login.Ceremony, error)) {
	huma.Register(h, authOperation("passkeys/"+what+"/begin", summary), func(ctx context.Context, in *bodyInput[Req]) (*begunOutput, error) {
		return serve(ctx, a, func(c caller) (*begunOutput, error) {
			begun, err := do(ctx, c, in.Body)
			if err != nil {
				return nil, err
			}
			out := &begunOutput{SetCookie: a.ceremonyCookie(begun.Ticket, int(login.CeremonyLife.Seconds()))}
			if err := json.Unmarshal(begun.Options, &out.Body); err != nil {
				return nil, fmt.Errorf("read the passkey options: %w", err)
			}
			return out, nil
		})
	})
}

type finishInput[T any] struct {
	Plain  string `cookie:"mesh-passkey" doc:"that the first half set, where the mesh is reached by http"`
	Secure string `cookie:"__Host-mesh-passkey" doc:"that the first half set, where the mesh is reached by https"`
	Body   T
}

type finishOutput[T any] struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      T
}

// finishRoute registers the second half of a ceremony, which ends its cookie.
func finishRoute[Req, Res any](a *API, h huma.API, what, summary string, do func(ctx context.Context, c caller, ticket string, r Req) (Res, error)) {
	huma.Register(h, authOperation("passkeys/"+what+"/finish", summary), func(ctx context.Context, in *finishInput[Req]) (*finishOutput[Res], error) {
		ticket := in.Plain
		if a.secure() {
			ticket = in.Secure
		}
		return serve(ctx, a, func(c caller) (*finishOutput[Res], error) {
			res, err := do(ctx, c, ticket, in.Body)
			return &finishOutput[Res]{SetCookie: a.ceremonyCookie("", -1), Body: res}, err
		})
	})
}

// ceremonyCookie is the cookie with a ticket, for a number of seconds.
func (a *API) ceremonyCookie(ticket string, seconds int) http.Cookie {
	c := http.Cookie{
		Name: ceremonyCookie, Value: ticket, Path: "/", MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: a.secure(),
	}
	if c.Secure {
		c.Name = ceremonyCookieSecure
	}
	return c
}

// secure reports whether browsers reach the mesh by https.
func (a *API) secure() bool { return strings.HasPrefix(a.cfg.PublicURL, "https://") }
