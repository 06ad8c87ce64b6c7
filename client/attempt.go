package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
)

// run does one attempt from its input to the acknowledged report.
func (r *runner) run(w *Work) {
	defer w.cancel(nil)
	began := time.Now().UTC()
	said := time.AfterFunc(r.cfg.StartAfter, func() {
		r.said(w, "start", r.send(w.ctx, "start", r.about(w))) // a report of the end says when it began, too
	})
	defer said.Stop()
	w.tell = func(ctx context.Context, percent int, message string) {
		rep := r.about(w)
		rep.Percent, rep.Message = percent, message
		r.said(w, "progress", r.send(ctx, "progress", rep))
	}
	result, err, ended := r.handle(w)
	r.busy.Add(-1)
	said.Stop()
	verb, rep := r.outcome(w, result, err, ended)
	if verb == "" {
		return
	}
	rep.StartedAt = &began
	r.settle(w, verb, rep)
}

// handle runs the handler. ended is false when it was given up: told to stop
// for the agent's end, and not back in time.
func (r *runner) handle(w *Work) (result json.RawMessage, err error, ended bool) {
	type outcome struct {
		result json.RawMessage
		err    error
	}
	back := make(chan outcome, 1)
	go func() {
		result, err := r.call(w)
		back <- outcome{result, err}
	}()
	select {
	case o := <-back:
		return o.result, o.err, true
	case <-w.ctx.Done():
	}
	if context.Cause(w.ctx) == errShutdown { //nolint:errorlint // the cause itself is compared
		grace := time.NewTimer(lastGrace)
		defer grace.Stop()
		select {
		case o := <-back:
			return o.result, o.err, true
		case <-grace.C:
			return nil, errShutdown, false
		}
	}
	o := <-back
	return o.result, o.err, true
}

// call fetches the input and calls the handler; a panic becomes an error.
func (r *runner) call(w *Work) (result json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.Log(string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if w.Input, err = r.c.Payload(w.ctx, w.input); err != nil {
		return nil, fmt.Errorf("fetch input: %w", err)
	}
	w.input = nil
	ctx := w.ctx
	if !w.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, w.Deadline)
		defer cancel()
	}
	value, err := r.cfg.Handler(ctx, w)
	if err != nil || value == nil {
		return nil, err
	}
	if result, err = json.Marshal(value); err != nil {
		return nil, Permanent(fmt.Errorf("encode result: %w", err))
	}
	return result, nil
}

// outcome says what to report about an attempt; nothing when it was revoked.
func (r *runner) outcome(w *Work, result json.RawMessage, err error, ended bool) (verb string, rep AttemptReport) {
	rep = r.about(w)
	rep.Command = uuid.NewString()
	cause := context.Cause(w.ctx)
	switch {
	case errors.Is(cause, errRevoked) || r.base.Err() != nil:
		return "", rep
	case !ended || (err != nil && errors.Is(cause, errShutdown)):
		rep.Reason = errShutdown.Error()
		return "return", rep
	case err != nil:
		var permanent *permanentError
		rep.Error, rep.Permanent = truncate(err.Error()), errors.As(err, &permanent)
		rep.Log = w.text()
		return "fail", rep
	}
	rep.Result, rep.Log = result, w.text()
	return "complete", rep
}

// settle reports until the mesh has acknowledged or refused. A result that is
// itself refused as wrong, too large most often, fails the attempt for good.
func (r *runner) settle(w *Work, verb string, rep AttemptReport) {
	ctx, cancel := context.WithCancel(r.base)
	defer cancel()
	unhook := context.AfterFunc(w.ctx, func() {
		if errors.Is(context.Cause(w.ctx), errRevoked) {
			cancel()
		}
	})
	defer unhook()
	for try := 1; ; try++ {
		err := r.send(ctx, verb, rep)
		r.said(w, verb, err)
		switch {
		case err == nil:
			return
		case IsInvalid(err) && verb == "complete":
			verb = "fail"
			rep.Command, rep.Result, rep.Permanent = uuid.NewString(), nil, true
			rep.Error = truncate("the result was refused: " + err.Error())
			continue
		case refused(err):
			return
		}
		if !sleep(ctx, backoff(200*time.Millisecond, try, 5*time.Second)) {
			return
		}
	}
}

// said warns of a report that did not get through.
func (r *runner) said(w *Work, verb string, err error) {
	r.warn(aboutAttempt(verb, w.Task, w.Number), err)
}

// about begins a report about an attempt.
func (r *runner) about(w *Work) AttemptReport {
	return AttemptReport{Task: w.Task, Attempt: w.Number, Agent: r.link.Load().agent}
}

// send reports over whatever link there is now.
func (r *runner) send(ctx context.Context, verb string, rep AttemptReport) error {
	return r.link.Load().report(ctx, verb, rep)
}
