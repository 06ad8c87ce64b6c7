package api

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain"
)

// caller is who sent a request, and what it said about it besides its body.
type caller struct {
	actor       domain.Actor
	from        netip.Addr
	request     string // id of the request, for the log
	key         string // Idempotency-Key
	correlation string
	traceParent string
	body        *shallowBody // nil when it is not read over HTTP
}

// newCaller reads the headers that both transports share.
func newCaller(actor domain.Actor, request string, header func(name string) string) caller {
	return caller{
		actor: actor, request: request,
		key: header(client.HeaderKey), correlation: header(client.HeaderCorrelation), traceParent: header("traceparent"),
	}
}

// meta is what a command about an existing thing carries: the key is its id.
func (c caller) meta() commands.Meta {
	return commands.Meta{ID: c.key, Correlation: c.correlation, TraceParent: c.traceParent}
}

// creating is what a creating command carries. The key may stand in the body
// or in the header, but not in both with different values.
func (c caller) creating(key string) (commands.Meta, error) {
	if key != "" && c.key != "" && key != c.key {
		return commands.Meta{}, domain.InvalidField("key", "differs from the %s header", client.HeaderKey)
	}
	if key == "" {
		key = c.key
	}
	return commands.Meta{Key: key, Correlation: c.correlation, TraceParent: c.traceParent}, nil
}

type callerKey struct{}

func withCaller(r *http.Request, c caller) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// callerOf returns who is served; the zero caller, which may do nothing, when
// nobody was authenticated.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}
