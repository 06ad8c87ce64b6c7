package main

import (
	"context"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// taskRequeueCmd is "mesh task requeue".
type taskRequeueCmd struct {
	ID       []string `arg:"" help:"Task ids, or unique beginnings of them."`
	Reason   string   `help:"Why, for the record."`
	Deadline string   `help:"New deadline (default: none)." placeholder:"TIME|DURATION"`
}

// Run requeues the tasks, one after the other.
func (cmd *taskRequeueCmd) Run(ctx context.Context, a *app) error {
	deadline, err := readMoment("deadline", cmd.Deadline, time.Now())
	if err != nil {
		return err
	}
	return eachTask(ctx, a, cmd.ID, "requeued", func(c *client.Client, id string) (client.Receipt, error) {
		return c.Requeue(ctx, id, cmd.Reason, deadline)
	})
}
