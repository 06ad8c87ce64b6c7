package api

import (
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// Handler returns what answers HTTP: the API under /v1, /healthz, /readyz,
// /metrics and /openapi.json.
func (a *API) Handler() http.Handler { return http.HandlerFunc(a.serveHTTP) }

// NewServer returns a server for h with limits on how long a client may take
// to send its header, and how large that may be. Answers have no limit of
// their own: a feed is open as long as its client listens.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20, // a poll names what its agent holds
	}
}

// serveHTTP is the way that every request takes: an id, who it is from, the
// route, and a line in the metrics.
func (a *API) serveHTTP(w http.ResponseWriter, r *http.Request) {
	began, request := time.Now(), requestID(r)
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set(client.HeaderRequest, request)
	strict(rec.Header(), a.guard.secure(r))
	served := r
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
				panic(p)
			}
			broken := tell(a.cfg.Log, request, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			if rec.status == 0 {
				broken.write(rec)
			}
		}
		a.metrics.httpRequest(served.Pattern, rec.status, time.Since(began))
	}()
	c, err := a.admit(r, request, rec.Header())
	if err == nil {
		err = once(r.URL.Query())
	}
	if err == nil {
		r, err = a.back(r, c, rec.Header())
	}
	if err != nil {
		tell(a.cfg.Log, request, err).write(rec)
		return
	}
	c.body = &shallowBody{Reader: r.Body}
	served = withCaller(r, c)
	served.Body = c.body
	a.mux.ServeHTTP(rec, served)
	if rec.status == http.StatusRequestEntityTooLarge || c.body.deep { // a client that still writes would not see the answer
		_, _ = io.CopyN(io.Discard, r.Body, maxBatch)
	}
}

// admit finds out who asks, and whether they may ask that much.
func (a *API) admit(r *http.Request, request string, h http.Header) (caller, error) {
	from := a.guard.from(r)
	switch {
	case openAuth(r.URL.Path):
		return caller{request: request, from: from}, a.guard.stranger(from, h)
	case open(r.URL.Path):
		return caller{request: request, from: from}, nil
	}
	credential := bearer(r)
	actor, err := a.authenticate(r.Context(), credential, from)
	if err != nil {
		if credential != "" {
			if limited := a.guard.guessed(from, h); limited != nil {
				return caller{}, limited
			}
		}
		h.Set("WWW-Authenticate", `Bearer realm="mesh"`)
		return caller{}, err
	}
	if err := a.guard.admitted(actor, h); err != nil {
		return caller{}, err
	}
	actor.Address = from
	actor, err = acting(actor, r.Header.Get(client.HeaderTenant))
	c := newCaller(actor, request, r.Header.Get)
	c.from = from
	return c, err
}

// open reports whether a path needs no credential.
func open(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/openapi.json"
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// acting is an actor in the tenant that a request names. Whether it may do
// anything there is decided like everything else.
func acting(by domain.Actor, tenant string) (domain.Actor, error) {
	if tenant == "" || tenant == by.Tenant {
		return by, nil
	}
	if !domain.ValidTenant(tenant) {
		return by, domain.InvalidField(client.HeaderTenant, "%.64q is not a tenant", tenant)
	}
	by.Home, by.Tenant = by.Tenant, tenant
	return by, nil
}

// requestID takes the client's own id of the request if it is a UUID.
func requestID(r *http.Request) string {
	if id := r.Header.Get(client.HeaderRequest); fullID(id) {
		return id
	}
	return uuid.NewString()
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write notes the status that is implied.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
