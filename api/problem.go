package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/domain"
	"github.com/hivemesh/hivemesh/eventstore"
)

// statusOf is the one mapping of error kinds to HTTP statuses.
func statusOf(k domain.Kind) int {
	switch k {
	case domain.Invalid:
		return http.StatusUnprocessableEntity
	case domain.Unauthenticated:
		return http.StatusUnauthorized
	case domain.Denied:
		return http.StatusForbidden
	case domain.NotFound:
		return http.StatusNotFound
	case domain.Conflict:
		return http.StatusConflict
	case domain.TooLarge:
		return http.StatusRequestEntityTooLarge
	case domain.Unavailable:
		return http.StatusServiceUnavailable
	case domain.Limited:
		return http.StatusTooManyRequests
	case domain.Internal:
	}
	return http.StatusInternalServerError
}

// problem is a refusal in the form that huma writes.
type problem struct {
	client.Problem
	retryAfter time.Duration
}

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status to answer with.
func (p *problem) GetStatus() int { return p.Status }

// ContentType returns the media type of RFC 9457.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders asks for patience when a part of the mesh is down.
func (p *problem) GetHeaders() http.Header {
	switch {
	case p.retryAfter > 0:
		return http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds())))}}
	case p.Status == http.StatusServiceUnavailable:
		return http.Header{"Retry-After": {"1"}}
	}
	return nil
}

func newProblem(status int, code, field, detail string) *problem {
	return &problem{Problem: client.Problem{
		Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Field: field,
	}}
}

// tell turns an error into what its caller may know. What is unforeseen goes
// to the log, under the request's id, and the caller gets only that id.
func tell(log zerolog.Logger, request string, err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	e := known(err)
	if e == nil || e.Kind == domain.Internal {
		log.Error().Err(err).Str("request", request).Msg("request failed")
		return newProblem(http.StatusInternalServerError, "internal", "",
			"something unforeseen happened; the log has the cause under request "+request)
	}
	if e.Kind == domain.Unavailable && e.Err != nil && !errors.Is(err, context.Canceled) {
		log.Warn().Err(e.Err).Str("request", request).Str("code", e.Code).Msg("a part of the mesh is unavailable")
	}
	p = newProblem(statusOf(e.Kind), e.Code, e.Field, e.Message)
	p.retryAfter = e.RetryAfter
	return p
}

// known returns the error as one that may be shown, nil when it is unforeseen.
func known(err error) *domain.Error {
	var e *domain.Error
	var position *eventstore.PositionError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &position):
		return badPosition(position)
	case errors.Is(err, eventstore.ErrNotFound):
		return &domain.Error{Kind: domain.NotFound, Code: "not_found", Message: "not found in the event log", Err: err}
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &domain.Error{Kind: domain.Unavailable, Code: "log_unavailable", Message: "the event log does not answer; try again", Err: err}
	}
	return nil
}

// badPosition tells a position of another log, which is a conflict, from one
// that is none at all.
func badPosition(e *eventstore.PositionError) *domain.Error {
	epoch, _, _ := strings.Cut(e.Position, ".")
	if uuid.Validate(epoch) != nil || epoch == e.Epoch {
		return domain.InvalidField("after", "%.80q is not a position", e.Position)
	}
	return &domain.Error{
		Kind: domain.Conflict, Code: "other_log", Field: "after",
		Message: "the position belongs to another log, such as the one before a restore; begin again with after=start, or from now by leaving it out",
	}
}

// rewrite turns the errors that huma makes itself into problems with a code
// and the field that is wrong.
func rewrite(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if body := callerOf(ctx.Context()).body; body != nil && body.deep {
		deep := errDeep()
		return newProblem(m.Status, deep.Code, deep.Field, deep.Message), nil
	}
	return fromModel(m), nil
}

func fromModel(m *huma.ErrorModel) *problem {
	field, detail := "", m.Detail
	if len(m.Errors) > 0 && m.Errors[0] != nil {
		field, detail = fieldOf(m.Errors[0].Location), m.Errors[0].Message
	}
	code := "invalid_field"
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		code = "too_large"
	case http.StatusBadRequest:
		code = "malformed"
	case http.StatusUnsupportedMediaType:
		code = "media_type"
	case http.StatusRequestTimeout:
		code = "timeout"
	case http.StatusNotAcceptable:
		code = "not_acceptable"
	case http.StatusInternalServerError:
		code = "internal"
	}
	return newProblem(m.Status, code, field, detail)
}

// fieldOf shortens a location such as "body.retry.jitter" to the field's name.
func fieldOf(location string) string {
	for _, prefix := range []string{"body", "query", "path", "header"} {
		if rest, ok := strings.CutPrefix(location, prefix); ok {
			return strings.TrimPrefix(rest, ".")
		}
	}
	return location
}

// write sends a problem outside of huma.
func (p *problem) write(w http.ResponseWriter) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}
