package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// taskWatchCmd is "mesh task watch".
type taskWatchCmd struct {
	ID string `arg:"" help:"Task id, or a unique beginning of it."`
}

// Run prints the task's events from its first, until it is over.
func (cmd *taskWatchCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := resolveTask(ctx, c, cmd.ID)
	if err != nil {
		return err
	}
	return c.Watch(ctx, id, func(e client.Event) error {
		if a.json() {
			return a.printLine(e)
		}
		_, err := fmt.Fprintf(a.stdout, "%s  %-8d %s\n", e.Time.Local().Format("15:04:05.000"), e.Seq, eventText(e))
		return err
	})
}
