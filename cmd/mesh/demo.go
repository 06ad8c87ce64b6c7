package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// demoCmd is "mesh demo": a whole mesh at real work, with an agent and the
// mesh itself killed on the way, and the proof that nothing was lost.
type demoCmd struct {
	Dir      string        `arg:"" optional:"" default:"." help:"Directory whose files the agents work on." placeholder:"DIR"`
	MaxFiles int           `help:"Look at no more files than this." default:"2000" placeholder:"N"`
	Keep     bool          `help:"Keep the scratch directory with the mesh's data and logs."`
	Timeout  time.Duration `help:"Give up after this time." default:"10m" placeholder:"DURATION"`
}

// Run plans, runs and reports the demo. It fails when a task was lost or did
// not complete, or a rebuilt read model differs from the live one.
func (cmd *demoCmd) Run(ctx context.Context, a *app) (err error) {
	began := time.Now()
	plan, err := planDemo(cmd.Dir, cmd.MaxFiles)
	if err != nil {
		return err
	}
	if len(plan.tasks) == 0 {
		fmt.Fprintf(a.stderr, "There is nothing to do: %s has no files that the demo's agents could work on.\n", plan.root)
		return nil
	}
	scratch, err := os.MkdirTemp("", "mesh-demo-")
	if err != nil {
		return fmt.Errorf("make a scratch directory: %w", err)
	}
	defer func() { err = cmd.cleanUp(a, scratch, err) }()
	if err := os.Chmod(scratch, 0o711); err != nil { // Postgres may run as another user
		return fmt.Errorf("open the scratch directory: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, cmd.Timeout)
	defer cancel()
	show := &stage{app: a, scratch: scratch, live: a.newLive()}
	defer func() { show.stop(limited.Err() != nil) }()
	report, err := show.play(limited, plan)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return &failure{Exit: exitFailed, Code: "timeout", Message: fmt.Sprintf("the demo was not over after %s: %v", span(cmd.Timeout), err)}
	}
	if err != nil {
		return err
	}
	report.TookMS = time.Since(began).Milliseconds()
	if err := report.print(a); err != nil {
		return err
	}
	return report.verdict()
}

// cleanUp removes the scratch directory, but keeps it after a failure, where
// its logs are wanted.
func (cmd *demoCmd) cleanUp(a *app, scratch string, err error) error {
	failed := err != nil && !errors.Is(err, context.Canceled)
	if cmd.Keep || failed {
		fmt.Fprintf(a.stderr, "Data and logs are kept in %s\n", scratch)
		return err
	}
	if rmErr := os.RemoveAll(scratch); rmErr != nil && err == nil {
		return fmt.Errorf("remove the scratch directory %s: %w", filepath.Clean(scratch), rmErr)
	}
	return err
}
