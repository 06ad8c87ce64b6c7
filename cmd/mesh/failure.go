package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
)

// The exit codes; the topic exit-codes explains them.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitConflict     = 4
	exitDenied       = 5
	exitUnavailable  = 6
	exitNotCompleted = 7
	exitInterrupted  = 130
)

// failure is an error as the user sees it: what happened to what, and what
// can be done about it.
type failure struct {
	Exit    int    `json:"exit"`
	Code    string `json:"code,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (f *failure) Error() string { return f.Message }

// usagef returns a failure about how the command was called.
func usagef(format string, args ...any) *failure {
	return &failure{Exit: exitUsage, Code: "usage", Message: fmt.Sprintf(format, args...)}
}

// explain turns any error of a command into a failure.
func (a *app) explain(ctx context.Context, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		return &failure{Exit: exitInterrupted, Code: "interrupted", Message: "interrupted"}
	}
	var api *client.Error
	if errors.As(err, &api) {
		return a.explainProblem(err, api.Problem)
	}
	var unreachable *client.UnreachableError
	if errors.As(err, &unreachable) {
		return explainUnreachable(unreachable)
	}
	var refusal *domain.Error
	if errors.As(err, &refusal) {
		return explainRefusal(err, refusal)
	}
	return &failure{Exit: exitFailed, Message: err.Error()}
}

// explainRefusal maps an error of a part that runs in this process.
func explainRefusal(err error, refusal *domain.Error) *failure {
	f := &failure{Exit: exitFailed, Code: refusal.Code, Field: refusal.Field, Message: err.Error()}
	if refusal.Err != nil {
		f.Message += " (" + refusal.Err.Error() + ")"
	}
	switch refusal.Kind {
	case domain.Invalid, domain.TooLarge:
		f.Exit = exitUsage
	case domain.NotFound:
		f.Exit = exitNotFound
	case domain.Conflict:
		f.Exit = exitConflict
	case domain.Unauthenticated, domain.Denied:
		f.Exit = exitDenied
	case domain.Unavailable, domain.Limited:
		f.Exit = exitUnavailable
	case domain.Internal:
	}
	return f
}

// explainProblem maps a refusal by the mesh.
func (a *app) explainProblem(err error, p client.Problem) *failure {
	f := &failure{Exit: exitFailed, Code: p.Code, Field: p.Field, Message: err.Error()}
	switch p.Status {
	case 400, 413, 415, 422:
		f.Exit = exitUsage
	case 401, 403:
		f.Exit = exitDenied
		f.Hint = "log in with mesh login, or set MESH_TOKEN; mesh config shows what is used"
		if p.Code == "login_failed" {
			f.Hint = "check the name, the password, and the tenant (--in); who has lost the password asks an admin for mesh invite human --principal NAME"
		}
		if p.Status == 403 {
			f.Hint = "mesh whoami shows as whom this was asked, and what is permitted"
		}
	case 404:
		f.Exit = exitNotFound
		f.Hint = "list what there is with ls; an id may be shortened while it stays unique"
	case 409:
		f.Exit = exitConflict
	case 429, 502, 503, 504:
		f.Exit = exitUnavailable
		f.Hint = "the same command may work in a moment; mesh doctor says what is not ready"
	}
	return f
}

func explainUnreachable(err *client.UnreachableError) *failure {
	cause := err.Err
	var op *net.OpError
	if errors.As(err, &op) {
		cause = op.Err
	}
	return &failure{
		Exit: exitUnavailable, Code: "unreachable",
		Message: fmt.Sprintf("no mesh answers at %s: %v", err.URL, cause),
		Hint:    "start one with mesh up, or set MESH_URL; mesh doctor looks closer",
	}
}

// report tells the user about a failure, on stderr.
func (a *app) report(f *failure) {
	if a.json() {
		json.NewEncoder(a.stderr).Encode(map[string]*failure{"error": f}) //nolint:errcheck // nothing is left to tell it to
		return
	}
	fmt.Fprintln(a.stderr, "mesh:", f.Message)
	if f.Hint != "" {
		fmt.Fprintln(a.stderr, "  →", f.Hint)
	}
}
