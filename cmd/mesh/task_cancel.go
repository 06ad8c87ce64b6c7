package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// taskCancelCmd is "mesh task cancel".
type taskCancelCmd struct {
	ID     []string `arg:"" help:"Task ids, or unique beginnings of them."`
	Reason string   `help:"Why, for the record."`
}

// Run cancels the tasks, one after the other.
func (cmd *taskCancelCmd) Run(ctx context.Context, a *app) error {
	return eachTask(ctx, a, cmd.ID, "cancelled", func(c *client.Client, id string) (client.Receipt, error) {
		return c.Cancel(ctx, id, cmd.Reason)
	})
}

// eachTask carries out a command on each task and says so. It stops at the
// first that is refused.
func eachTask(ctx context.Context, a *app, ids []string, done string, do func(c *client.Client, id string) (client.Receipt, error)) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	for _, given := range ids {
		id, err := resolveTask(ctx, c, given)
		if err != nil {
			return fmt.Errorf("task %s: %w", given, err)
		}
		receipt, err := do(c, id)
		if err != nil {
			return fmt.Errorf("task %s: %w", given, err)
		}
		if err := a.printReceipt(receipt, "task "+id+" "+done); err != nil {
			return err
		}
	}
	return nil
}

// printReceipt tells that a command was carried out.
func (a *app) printReceipt(r client.Receipt, message string) error {
	if a.json() {
		return a.printLine(r)
	}
	if r.Repeat {
		message += " (already)"
	}
	_, err := fmt.Fprintln(a.stdout, message)
	return err
}
