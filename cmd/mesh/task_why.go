package main

import (
	"context"
	"fmt"
)

// taskWhyCmd is "mesh task why".
type taskWhyCmd struct {
	ID string `arg:"" help:"Task id, or a unique beginning of it."`
}

// Run prints what the task waits for.
func (cmd *taskWhyCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := resolveTask(ctx, c, cmd.ID)
	if err != nil {
		return err
	}
	why, err := c.Why(ctx, id)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(why)
	}
	fmt.Fprintf(a.stdout, "%s: %s\n", why.Status, why.Summary)
	for _, d := range why.Details {
		fmt.Fprintln(a.stdout, "  -", d)
	}
	return nil
}
