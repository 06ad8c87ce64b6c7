package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// pollPause is the pause between two looks at something that takes a while.
const pollPause = 250 * time.Millisecond

// projectionRebuildCmd is "mesh projection rebuild".
type projectionRebuildCmd struct {
	Name string `arg:"" help:"Read model."`
	Wait bool   `help:"Show the progress and wait until the new generation is live." short:"w"`
}

// Run asks for a rebuild.
func (cmd *projectionRebuildCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	before, err := findProjection(ctx, c, cmd.Name)
	if err != nil {
		return err
	}
	receipt, err := c.Rebuild(ctx, cmd.Name)
	if err != nil {
		return fmt.Errorf("projection %s: %w", cmd.Name, err)
	}
	if !cmd.Wait {
		return a.printReceipt(receipt, "rebuild of "+cmd.Name+" requested at "+receipt.Position)
	}
	return cmd.follow(ctx, a, c, before.Generation)
}

func (cmd *projectionRebuildCmd) follow(ctx context.Context, a *app, c *client.Client, old int) error {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	live := a.newLive()
	for {
		p, err := findProjection(ctx, c, cmd.Name)
		if err != nil && !client.IsUnavailable(err) {
			return err
		}
		switch {
		case err == nil && p.Generation > old:
			live.end()
			if a.json() {
				return a.printJSON(p)
			}
			_, err := fmt.Fprintf(a.stdout, "%s: generation %d is live at %s\n", p.Name, p.Generation, p.Position)
			return err
		case err == nil && p.Progress != nil:
			live.show(progressText(*p.Progress))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func findProjection(ctx context.Context, c *client.Client, name string) (client.Projection, error) {
	projections, err := c.Projections(ctx)
	if err != nil {
		return client.Projection{}, err
	}
	for _, p := range projections {
		if p.Name == name {
			return p, nil
		}
	}
	return client.Projection{}, &failure{Exit: exitNotFound, Code: "no_projection", Message: fmt.Sprintf("there is no read model %q", name), Hint: "mesh projection ls"}
}
