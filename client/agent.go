package client

import (
	"context"
	"errors"
	"time"
)

// Handler does one piece of work. Its result, any JSON value, completes the
// task; an error fails the attempt, for good if made with Permanent. ctx ends
// when the attempt is cancelled or its deadline passes: stop then, a result
// would be refused. A panic counts as an error.
type Handler func(ctx context.Context, w *Work) (result any, err error)

// AgentConfig says what an agent is and does. Register.Name and Handler are
// required.
type AgentConfig struct {
	Register     RegisterRequest
	Handler      Handler
	OverHTTP     bool          // speak HTTP only; otherwise NATS when the mesh offers it
	StartAfter   time.Duration // say "started" only when still busy after this; default 500ms
	DrainTimeout time.Duration // at the end: how long running work may take to finish; default 10s

	// OnError is told what goes wrong in the background, where no caller waits
	// for it: a connection lost, a heartbeat or report that did not get through
	// and is repeated, a report that the mesh refused, an assignment handed
	// back. errors.As finds the *Error or *UnreachableError behind it. Nothing
	// needs to be done about it but to log it. It is called from several
	// goroutines at once and must not block; nil = silence.
	OnError func(error)
}

// Permanent marks err as a failure that trying again does not mend.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RunAgent registers an agent and works until ctx ends. A connection that
// breaks is made again, for ever. At the end the agent takes nothing new,
// gives running work DrainTimeout to finish, hands the rest back and leaves;
// then RunAgent returns nil. It fails when the first registration does, or
// when a later one is refused.
func (c *Client) RunAgent(ctx context.Context, cfg AgentConfig) error {
	if cfg.Handler == nil {
		return errors.New("agent: no handler")
	}
	if cfg.StartAfter <= 0 {
		cfg.StartAfter = 500 * time.Millisecond
	}
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = 10 * time.Second
	}
	if cfg.Register.Capacity == 0 {
		cfg.Register.Capacity = 1
	}
	reg, err := c.Register(ctx, cfg.Register)
	if err != nil {
		return err
	}
	r := newRunner(ctx, c, cfg)
	for {
		err := r.session(ctx, reg)
		if err == nil {
			return nil
		}
		r.warn("session ended, registering again", err)
		sleep(ctx, jitter(time.Second))
		if reg, err = c.registerAgain(ctx, cfg.Register, r.warn); err != nil {
			r.abandon()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// registerAgain registers until it works or is refused.
func (c *Client) registerAgain(ctx context.Context, req RegisterRequest, warn func(string, error)) (Registration, error) {
	for try := 1; ; try++ {
		reg, err := c.Register(ctx, req)
		if err == nil || refused(err) {
			return reg, err
		}
		warn("register, to be repeated", err)
		if !sleep(ctx, backoff(time.Second, try, 15*time.Second)) {
			return reg, ctx.Err()
		}
	}
}
