package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	callAttempts  = 4 // of a request that may be repeated
	callPause     = 100 * time.Millisecond
	callTimeout   = 60 * time.Second // of one attempt
	maxRetryAfter = 10 * time.Second // a longer Retry-After is left to the caller
	maxAnswer     = 64 << 20         // bytes
)

// call is one HTTP request and where its answer goes.
type call struct {
	method string
	path   string
	query  url.Values
	body   any           // marshalled to JSON; nil = none
	media  string        // of the body, default application/json
	key    string        // Idempotency-Key
	repeat bool          // may be sent again when its outcome is unknown
	wait   time.Duration // how long the server may take on purpose
	accept func(status int) bool
	out    any // *[]byte takes the answer as it is, everything else is JSON
}

// do carries out a call, again and again if it may be repeated and the mesh
// does not answer or says that it cannot now. It fails with *Error when the
// mesh refuses, with *UnreachableError when nothing answers, and with
// context.Canceled, whatever was under way, when ctx is cancelled.
func (c *Client) do(ctx context.Context, k call) error {
	var body []byte
	if k.body != nil {
		var err error
		if body, err = json.Marshal(k.body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	err := c.attempts(ctx, k, body)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return err
}

// attempts sends the request until there is an answer to go by.
func (c *Client) attempts(ctx context.Context, k call, body []byte) error {
	for try := 1; ; try++ {
		err := c.once(ctx, k, body)
		if err == nil || !k.repeat || try == callAttempts || !IsUnavailable(err) || ctx.Err() != nil {
			return err
		}
		pause := backoff(callPause, try, 2*time.Second)
		var e *Error
		if errors.As(err, &e) && e.RetryAfter > 0 {
			if pause = e.RetryAfter; pause > maxRetryAfter {
				return err
			}
		}
		if !sleep(ctx, pause) {
			return err
		}
	}
}

// once sends the request one time.
func (c *Client) once(ctx context.Context, k call, body []byte) error {
	attempt, cancel := context.WithTimeout(ctx, callTimeout+k.wait)
	defer cancel()
	res, err := c.send(attempt, k, body)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if k.accept == nil || !k.accept(res.StatusCode) {
		if err := answerError(res); err != nil {
			return err
		}
	}
	return decodeAnswer(res.Body, k.out)
}

// send sends the request and returns whatever answer there is.
func (c *Client) send(ctx context.Context, k call, body []byte) (*http.Response, error) {
	address := c.base + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("User-Agent", c.agent)
	if c.at != "" {
		req.Header.Set(HeaderAt, c.at)
	}
	token, err := c.source(ctx)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.tenant != "" {
		req.Header.Set(HeaderTenant, c.tenant)
	}
	if body != nil {
		media := k.media
		if media == "" {
			media = "application/json"
		}
		req.Header.Set("Content-Type", media)
	}
	if k.key != "" {
		req.Header.Set(HeaderKey, k.key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, &UnreachableError{URL: c.base, Err: err}
	}
	return res, nil
}

// answerError returns the *Error that an answer tells, nil for a good one.
func answerError(res *http.Response) error {
	if res.StatusCode < 300 {
		return nil
	}
	e := &Error{RequestID: res.Header.Get(HeaderRequest)}
	data, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if json.Unmarshal(data, &e.Problem) != nil || e.Title == "" {
		e.Problem = Problem{Title: http.StatusText(res.StatusCode), Detail: "the answer is not one of a mesh: " + res.Status}
	}
	e.Status = res.StatusCode
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

func decodeAnswer(r io.Reader, out any) error {
	if out == nil {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(r, maxAnswer))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// backoff returns a pause that doubles with each try, jittered by half.
func backoff(first time.Duration, try int, most time.Duration) time.Duration {
	d := most
	if try < 16 {
		d = min(first<<(try-1), most)
	}
	return d/2 + rand.N(d/2+1)
}

// sleep waits for d and reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
