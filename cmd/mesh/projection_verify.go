package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// projectionVerifyCmd is "mesh projection verify".
type projectionVerifyCmd struct {
	Name []string `arg:"" optional:"" help:"Read models (default: all)."`
}

// Run compares each read model with a rebuilt one; it fails when one differs.
func (cmd *projectionVerifyCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	results, err := verifyAll(ctx, c, cmd.Name)
	if err != nil {
		return err
	}
	different := 0
	t := &table{header: []string{"NAME", "EQUAL", "ROWS", "POSITION", "LIVE", "REBUILT", "DIFFERENCE"}}
	for _, v := range results {
		equal := cell{"yes", green}
		if !v.Equal {
			equal = cell{"no", red}
			different++
		}
		t.add(text(v.Projection), equal, textf("%d", v.Rows), text(v.Position), text(shortID(v.Live)), text(shortID(v.Rebuilt)), text(oneLine(v.Difference, 120)))
	}
	if a.json() {
		err = printList(a, results, "")
	} else {
		err = a.printTable(t, "")
	}
	if err == nil && different > 0 {
		return &failure{Exit: exitFailed, Code: "different", Message: fmt.Sprintf("%d of %d read models differ from what the log says", different, len(results)), Hint: "mesh projection rebuild NAME mends it; please report it"}
	}
	return err
}

// verifyAll verifies the named read models, or all.
func verifyAll(ctx context.Context, c *client.Client, names []string) ([]client.Verification, error) {
	if len(names) == 0 {
		projections, err := c.Projections(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range projections {
			names = append(names, p.Name)
		}
	}
	results := make([]client.Verification, 0, len(names))
	for _, name := range names {
		v, err := c.Verify(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("verify %s: %w", name, err)
		}
		results = append(results, v)
	}
	return results, nil
}
