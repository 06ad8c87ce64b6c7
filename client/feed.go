package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// FromStart as SubscribeOptions.After means everything there is.
const FromStart = "start"

// feedSilence is how long a feed may be silent before it counts as broken;
// the mesh says something every 15 s.
const feedSilence = 45 * time.Second

// SubscribeOptions say where a subscription begins and what it is about.
type SubscribeOptions struct {
	After  string   // a position; FromStart = everything; empty = from now on
	Kind   string   // of the entity, such as "task"
	Entity string   // id
	Types  []string // of the events, such as "task.completed"
}

// Subscribe hands over each event that matches, in the order of the log,
// without a gap and without a repetition: when the connection breaks it goes
// on behind the last event handed over. It blocks until ctx ends, handle
// fails, or the mesh refuses (a position of another log is IsConflict), and
// returns that error.
func (c *Client) Subscribe(ctx context.Context, o SubscribeOptions, handle func(Event) error) error {
	at, failures := o.After, 0
	for {
		before := at
		err := c.stream(ctx, o, &at, handle)
		var h *handlerError
		switch {
		case errors.As(err, &h):
			return h.err
		case ctx.Err() != nil:
			return ctx.Err()
		case refused(err):
			return err
		}
		if failures++; at != before {
			failures = 1
		}
		if !sleep(ctx, backoff(callPause, failures, 5*time.Second)) {
			return ctx.Err()
		}
	}
}

// handlerError marks an error of the caller's own function.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

// stream reads one connection until it ends, keeping *at up to date.
func (c *Client) stream(ctx context.Context, o SubscribeOptions, at *string, handle func(Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(feedSilence, cancel)
	defer silence.Stop()
	res, err := c.send(ctx, call{method: http.MethodGet, path: "/v1/feed", query: o.query(*at)}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if err := answerError(res); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(res.Body, 16<<10)
	for {
		id, data, err := readMessage(lines, func() { silence.Reset(feedSilence) })
		if err != nil {
			return err
		}
		if data != "" {
			var e Event
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return fmt.Errorf("decode event %s: %w", id, err)
			}
			if err := handle(e); err != nil {
				return &handlerError{err}
			}
		}
		if id != "" {
			*at = id
		}
	}
}

// readMessage reads up to the end of one server-sent message. A message
// without data only moves the position.
func readMessage(r *bufio.Reader, alive func()) (id, data string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", "", err
		}
		alive()
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return id, data, nil
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			id = value
		case "data":
			data += value
		}
	}
}

func (o SubscribeOptions) query(at string) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"kind": o.Kind, "entity": o.Entity, "after": at} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for _, t := range o.Types {
		q.Add("type", t)
	}
	return q
}
