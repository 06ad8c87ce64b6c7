package oidc

import (
	"errors"
	"fmt"

	"golang.org/x/oauth2"

	"github.com/hivemesh/hivemesh/domain"
)

// refused is all that the browser learns of a login that failed.
func refused(cause error) error {
	return &domain.Error{Kind: domain.Unauthenticated, Code: "oidc_failed", Message: "the login at the provider was not accepted; try again", Err: clip(cause)}
}

func unavailable(cause error) error {
	return &domain.Error{Kind: domain.Unavailable, Code: "oidc_unavailable", Message: "the login provider does not answer as it should; try again later", Err: clip(cause)}
}

// exchangeFault leaves out of a token endpoint's refusal all but its code: the
// rest is up to the provider and may repeat what it was sent.
func exchangeFault(err error) error {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) && e.Response != nil {
		return fmt.Errorf("the token endpoint answered %d %.64q", e.Response.StatusCode, e.ErrorCode)
	}
	return fmt.Errorf("ask the token endpoint: %w", err)
}

const maxCause = 512 // bytes of a cause: some repeat a whole answer

// clip shortens a cause that repeats what a provider sent.
func clip(err error) error {
	if text := err.Error(); len(text) > maxCause {
		return errors.New(text[:maxCause] + "…")
	}
	return err
}
