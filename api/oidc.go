package api

import (
	"context"
	"embed"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hivemesh/hivemesh/auth/login"
	"github.com/hivemesh/hivemesh/client"
)

// oidcPath is under what browsers come and go while they log in at a provider.
const oidcPath = "/v1/auth/oidc/"

// oidcRoutes are the ways in by a login provider. Browsers take them, so that
// what they answer is a page or a redirect.
func (a *API) oidcRoutes(h huma.API) {
	getRoute(a, h, "/v1/auth/providers", "list-providers", "List the names of the login providers",
		func(context.Context, caller, *struct{}) (client.Providers, error) {
			return client.Providers{Providers: a.cfg.Login.Providers()}, nil
		})
	browserRoute[startInput](a, h, operation(http.MethodGet, oidcPath+"{provider}/start", "oidc-start", "Go to a login provider"),
		http.StatusFound, "To the provider, with a cookie that the browser brings back", a.startOIDC)
	browserRoute[struct{}](a, h, operation(http.MethodGet, oidcPath+"callback", "oidc-callback", "Come back from a login provider"),
		http.StatusOK, "A page that says who has come, and asks about the program that waits", a.finishOIDC)
	browserRoute[struct{}](a, h, operation(http.MethodPost, oidcPath+"consent", "oidc-consent", "Let in the program that one was asked about"),
		http.StatusOK, "A page", a.consentOIDC)
	h.OpenAPI().Paths[oidcPath+"consent"].Post.RequestBody = consentForm() // for readers: huma itself takes no forms
}

func consentForm() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: &huma.Schema{
		Type: "object", Required: []string{"consent"}, Properties: map[string]*huma.Schema{"consent": {Type: "string", Description: "of the page that asked"}},
	}}}}
}

type startInput struct {
	Provider string `path:"provider"`
	Device   string `query:"device" doc:"user code of the program that waits for the login"`
}

// browserRoute registers a route that answers with a redirect or a page, as says
// tells. Providers may add to a query what they like.
func browserRoute[In any](a *API, h huma.API, op huma.Operation, status int, says string, do func(context.Context, caller, *In, http.ResponseWriter, *http.Request) error) {
	op.Security = []map[string][]string{{}}
	op.Responses[strconv.Itoa(status)] = &huma.Response{Description: says}
	op.SkipValidateParams = true
	huma.Register(h, op, func(ctx context.Context, in *In) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			c := callerOf(ctx)
			r.Body = http.MaxBytesReader(w, r.Body, maxAuth)
			if err := do(ctx, c, in, w, r); err != nil {
				a.showProblem(w, r, tell(a.cfg.Log, c.request, err))
			}
		}}, nil
	})
}

func (a *API) startOIDC(ctx context.Context, _ caller, in *startInput, w http.ResponseWriter, r *http.Request) error {
	if elsewhere := a.atPublicName(r); elsewhere != "" {
		http.Redirect(w, r, elsewhere, http.StatusFound)
		return nil
	}
	to, ticket, err := a.cfg.Login.BeginOIDC(ctx, in.Provider, in.Device)
	if err != nil {
		return err
	}
	http.SetCookie(w, a.ticketCookie(ticket, int(login.TicketLife.Seconds())))
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// atPublicName returns where a browser that came by this machine's address goes
// on by its name, so that the cookie is there when it comes back by that name.
func (a *API) atPublicName(r *http.Request) string {
	public, err := url.Parse(a.cfg.PublicURL)
	if err != nil || public.Hostname() != "localhost" {
		return ""
	}
	came := url.URL{Host: r.Host}
	if ip := net.ParseIP(came.Hostname()); ip == nil || !ip.IsLoopback() {
		return ""
	}
	return a.cfg.PublicURL + r.URL.RequestURI()
}

// finishOIDC shows who has come, and asks about the program that waits: whoever
// follows a link that somebody sent must see what it is good for before it is
// done (RFC 8628, section 5.4).
func (a *API) finishOIDC(ctx context.Context, c caller, _ *struct{}, w http.ResponseWriter, r *http.Request) error {
	ticket := ""
	if given, err := r.Cookie(a.ticketCookie("", 0).Name); err == nil {
		ticket = given.Value
	}
	http.SetCookie(w, a.ticketCookie("", -1))
	in, err := a.cfg.Login.FinishOIDC(ctx, ticket, r.URL.Query(), c.from)
	if err != nil {
		return err
	}
	return showPage(w, http.StatusOK, loginPage{Title: "You are " + in.Name, Arrival: in})
}

func (a *API) consentOIDC(ctx context.Context, _ caller, _ *struct{}, w http.ResponseWriter, r *http.Request) error {
	program, err := a.cfg.Login.Consent(ctx, r.PostFormValue("consent"))
	if err != nil {
		return err
	}
	return showPage(w, http.StatusOK, loginPage{Title: program + " is let in", Text: "You can close this page."})
}

// ticketCookie is what a browser at a provider is known by. Under https its
// name keeps other hosts of the domain from setting it (RFC 6265bis, section 4.1.3.2).
func (a *API) ticketCookie(value string, maxAge int) *http.Cookie {
	c := &http.Cookie{Name: "mesh-login", Value: value, Path: oidcPath, MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if a.cfg.Login.Secure() {
		c.Name, c.Path, c.Secure = "__Host-mesh-login", "/", true
	}
	return c
}

// loginPage is what a person sees on the way.
type loginPage struct {
	login.Arrival
	Title, Text string
}

//go:embed pages/oidc.html
var pages embed.FS

func showPage(w http.ResponseWriter, status int, p loginPage) error {
	t, err := template.ParseFS(pages, "pages/oidc.html")
	if err != nil {
		return err
	}
	text, err := pages.ReadFile("pages/oidc.html")
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; style-src '"+digestOf(text, "style")+"'")
	w.WriteHeader(status)
	_ = t.Execute(w, p) // the client may be gone
	return nil
}

// showProblem writes a problem as a page to a browser, else as what it is.
func (a *API) showProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		p.write(w)
		return
	}
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	if err := showPage(w, p.Status, loginPage{Title: p.Title, Text: p.Detail}); err != nil {
		p.write(w)
	}
}
