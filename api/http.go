package api

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
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
	rec.Header().Set("X-Content-Type-Options", "nosniff")
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
	if open(r.URL.Path) {
		served = withCaller(r, caller{request: request, from: addressOf(r)})
		a.mux.ServeHTTP(rec, served)
		return
	}
	actor, err := a.cfg.Auth.Authenticate(bearer(r), addressOf(r))
	if err != nil {
		rec.Header().Set("WWW-Authenticate", `Bearer realm="mesh"`)
		tell(a.cfg.Log, request, err).write(rec)
		return
	}
	actor.Address = addressOf(r)
	if actor, err = acting(actor, r.Header.Get(client.HeaderTenant)); err != nil {
		tell(a.cfg.Log, request, err).write(rec)
		return
	}
	c := newCaller(actor, request, r.Header.Get)
	c.from = actor.Address
	served = withCaller(r, c)
	served.Body = io.NopCloser(r.Body)
	a.mux.ServeHTTP(rec, served)
	if rec.status == http.StatusRequestEntityTooLarge { // a client that still writes would not see the answer
		_, _ = io.CopyN(io.Discard, r.Body, maxBatch)
	}
}

// open reports whether a path needs no credential.
func open(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/openapi.json" || openAuth(path)
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

// addressOf returns where a request comes from; the zero address when unknown.
func addressOf(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr()
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
