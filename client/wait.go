package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// errFinal ends a subscription whose task is finished.
var errFinal = errors.New("the task is finished")

// Watch hands over every event of a task, from its first, and returns nil
// after the one that finishes it. It fails with IsNotFound for no such task,
// and with the error of handle or ctx.
func (c *Client) Watch(ctx context.Context, id string, handle func(Event) error) error {
	last, position, cursor := Event{}, "", ""
	for {
		page, err := c.TaskEvents(ctx, id, cursor)
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if err := handle(e); err != nil {
				return err
			}
			last = e
		}
		if position == "" {
			position = page.Position
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if last.final() {
		return nil
	}
	o := SubscribeOptions{After: position, Kind: "task", Entity: last.Entity}
	err := c.Subscribe(ctx, o, func(e Event) error {
		if e.Seq <= last.Seq {
			return nil
		}
		if err := handle(e); err != nil {
			return err
		}
		if e.final() {
			return errFinal
		}
		return nil
	})
	if errors.Is(err, errFinal) {
		return nil
	}
	return err
}

// Wait returns the task once it is finished, well or not: look at its Status.
// While the read model is unavailable or behind it goes on waiting.
func (c *Client) Wait(ctx context.Context, id string) (Task, error) {
	var last Event
	keep := func(e Event) error {
		last = e
		return nil
	}
	if err := c.Watch(ctx, id, keep); err != nil {
		return Task{}, err
	}
	for try := 1; ; try++ {
		t, err := c.Task(ctx, last.Entity, last.Position)
		if err == nil && t.final() || err != nil && !IsUnavailable(err) && !IsNotFound(err) {
			return t, err
		}
		if !sleep(ctx, backoff(callPause, try, 5*time.Second)) {
			return Task{}, ctx.Err()
		}
	}
}

// final reports whether nothing more happens to the task by itself.
func (t Task) final() bool {
	switch t.Status {
	case "completed", "failed", "cancelled", "dead_lettered":
		return true
	}
	return false
}

// final reports whether nothing follows e by itself.
func (e Event) final() bool {
	switch e.Type {
	case "task.completed", "task.cancelled", "task.deadline_exceeded":
		return true
	case "task.attempt_failed", "task.lease_expired":
		var d struct {
			Outcome string `json:"outcome"`
		}
		return json.Unmarshal(e.Data, &d) == nil && d.Outcome != "" && d.Outcome != "retry"
	}
	return false
}
