package client

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Error is a refusal or failure that the mesh told.
type Error struct {
	Problem
	RequestID  string        // finds the cause in the mesh's log; may be empty
	RetryAfter time.Duration // how long to wait before trying again; 0 = not told
}

// Error returns the detail with the field that is wrong, if one is.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Status == http.StatusInternalServerError && e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// UnreachableError says that nothing answered at URL.
type UnreachableError struct {
	URL string
	Err error
}

// Error tells what to do about it.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no mesh answers at %s; start one with `mesh up` or set MESH_URL", e.URL)
}

// Unwrap returns the network error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// IsNotFound reports whether err says that there is no such thing.
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsConflict reports whether err says that the thing's state forbids this.
func IsConflict(err error) bool { return hasStatus(err, http.StatusConflict) }

// IsDenied reports whether err says that the principal may not do this.
func IsDenied(err error) bool { return hasStatus(err, http.StatusForbidden) }

// IsUnauthenticated reports whether err says that the credential is missing or wrong.
func IsUnauthenticated(err error) bool { return hasStatus(err, http.StatusUnauthorized) }

// IsInvalid reports whether err says that the request is wrong or too large.
func IsInvalid(err error) bool {
	return hasStatus(err, http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType)
}

// IsUnavailable reports whether the same request may work later: a part of
// the mesh is down, or nothing answers at all.
func IsUnavailable(err error) bool {
	var u *UnreachableError
	return errors.As(err, &u) || hasStatus(err, http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout)
}

// hasStatus reports whether err is an Error with one of the statuses.
func hasStatus(err error, statuses ...int) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, s := range statuses {
		if e.Status == s {
			return true
		}
	}
	return false
}

// refused reports whether trying again is no use: the mesh has decided.
func refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}
