package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// taskWaitCmd is "mesh task wait".
type taskWaitCmd struct {
	ID      []string      `arg:"" help:"Task ids, or unique beginnings of them."`
	Timeout time.Duration `help:"Give up after this time (0 = never)." placeholder:"DURATION"`
}

// Run waits for the tasks in the order given.
func (cmd *taskWaitCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(cmd.ID))
	for _, id := range cmd.ID {
		full, err := resolveTask(ctx, c, id)
		if err != nil {
			return err
		}
		ids = append(ids, full)
	}
	if cmd.Timeout <= 0 {
		return waitFor(ctx, a, c, ids)
	}
	limited, cancel := context.WithTimeout(ctx, cmd.Timeout)
	defer cancel()
	err = waitFor(limited, a, c, ids)
	if err != nil && limited.Err() != nil && ctx.Err() == nil && !isFailure(err) {
		return &failure{Exit: exitFailed, Code: "timeout", Message: fmt.Sprintf("not over after %s", span(cmd.Timeout)), Hint: "mesh task why says what a task waits for"}
	}
	return err
}

// waitFor follows the tasks until each is over: progress to stderr, results
// to stdout. It returns a failure with exitNotCompleted when one did not
// complete.
func waitFor(ctx context.Context, a *app, c *client.Client, ids []string) error {
	short := shortIDs(ids)
	bad := 0
	var last client.Task
	for _, id := range ids {
		t, err := followTask(ctx, a, c, id, short[id])
		if err != nil {
			return err
		}
		if t.Status != "completed" {
			bad, last = bad+1, t
		}
		if err := printOutcome(ctx, a, c, t); err != nil {
			return err
		}
	}
	switch {
	case bad == 1:
		return notCompleted(last)
	case bad > 1:
		return &failure{Exit: exitNotCompleted, Code: "not_completed", Message: fmt.Sprintf("%d of %d tasks did not complete", bad, len(ids))}
	}
	return nil
}

func notCompleted(t client.Task) *failure {
	message := fmt.Sprintf("task %s is %s after %d attempts", shortID(t.ID), t.Status, t.Attempt)
	if t.Attempt == 1 {
		message = fmt.Sprintf("task %s is %s after 1 attempt", shortID(t.ID), t.Status)
	}
	if t.Reason != "" {
		message += ": " + oneLine(t.Reason, 500)
	}
	return &failure{Exit: exitNotCompleted, Code: t.Status, Message: message, Hint: "mesh task show " + t.ID + ", mesh task logs " + t.ID}
}

// followTask tells the task's events on stderr until it is over.
func followTask(ctx context.Context, a *app, c *client.Client, id, short string) (client.Task, error) {
	err := c.Watch(ctx, id, func(e client.Event) error {
		_, err := fmt.Fprintf(a.stderr, "%s  %s  %s\n", e.Time.Local().Format("15:04:05.000"), short, eventText(e))
		return err
	})
	if err != nil {
		return client.Task{}, err
	}
	return c.Wait(ctx, id)
}

// printOutcome prints what came of a task that is over.
func printOutcome(ctx context.Context, a *app, c *client.Client, t client.Task) error {
	switch {
	case a.json():
		return a.printLine(t)
	case t.Status == "completed":
		return printPayload(ctx, a, c, t.Result)
	}
	return nil
}

func isFailure(err error) bool {
	var f *failure
	return errors.As(err, &f)
}
