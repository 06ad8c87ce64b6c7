package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// eventTailCmd is "mesh event tail".
type eventTailCmd struct {
	After  string   `help:"Go on behind this position; \"start\" = everything there is; default: from now on." placeholder:"POSITION"`
	Kind   string   `help:"Only entities of this kind: task, agent, ext, projection." placeholder:"KIND"`
	Entity string   `help:"Only this entity: its id." placeholder:"ID"`
	Type   []string `help:"Only these types, such as task.completed." short:"t" placeholder:"TYPE"`
	Limit  int      `help:"End after this many events (0 = never)." short:"n"`
}

// errEnough ends a subscription that has shown all that was asked for.
var errEnough = errors.New("enough events")

// Run prints events until it is interrupted.
func (cmd *eventTailCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	if _, err := c.Version(ctx); err != nil {
		return err // a subscription would wait for the mesh for ever
	}
	shown := 0
	options := client.SubscribeOptions{After: cmd.After, Kind: cmd.Kind, Entity: cmd.Entity, Types: cmd.Type}
	err = c.Subscribe(ctx, options, func(e client.Event) error {
		if err := printEvent(a, e); err != nil {
			return err
		}
		if shown++; shown == cmd.Limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func printEvent(a *app, e client.Event) error {
	if a.json() {
		return a.printLine(e)
	}
	_, err := fmt.Fprintf(a.stdout, "%8d  %s  %s  %s\n", e.Seq, e.Time.Local().Format("15:04:05.000"), shortID(e.Entity), eventText(e))
	return err
}
