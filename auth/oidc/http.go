package oidc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	requestTimeout = 10 * time.Second
	maxAnswer      = 1 << 20 // bytes of an answer of a provider
)

// bound returns a client that asks only where nobody reads along, follows no
// redirect, and gives up on slow and endless answers.
func bound(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	limited := *c
	if limited.Timeout == 0 {
		limited.Timeout = requestTimeout
	}
	if limited.Transport == nil {
		limited.Transport = http.DefaultTransport
	}
	limited.Transport = guard{limited.Transport}
	limited.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	limited.Jar = nil
	return &limited
}

// guard is a transport with the limits of this package.
type guard struct{ next http.RoundTripper }

// RoundTrip sends a request to an https URL, or to one on loopback.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if !safe(r.URL) {
		return nil, fmt.Errorf("%s is not an https URL", r.URL.Redacted())
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

// limitedBody fails when it is longer than it may be.
type limitedBody struct {
	io.ReadCloser
	left int // bytes that may still come
}

// Read reads the next bytes. It fails once more than 1 MiB has come.
func (b *limitedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if b.left -= n; b.left < 0 {
		return 0, errors.New("the provider's answer is too large")
	}
	return n, err
}
