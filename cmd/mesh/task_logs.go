package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/hivemesh/hivemesh/client"
)

// taskLogsCmd is "mesh task logs".
type taskLogsCmd struct {
	ID      string `arg:"" help:"Task id, or a unique beginning of it."`
	Attempt int    `help:"Only this attempt." placeholder:"N"`
}

// attemptLog is the log of one attempt, as JSON output shows it.
type attemptLog struct {
	Attempt int    `json:"attempt"`
	Agent   string `json:"agent"`
	Outcome string `json:"outcome"`
	Log     string `json:"log"`
}

// Run prints the logs that the attempts left.
func (cmd *taskLogsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	t, err := c.Task(ctx, cmd.ID, "")
	if err != nil {
		return err
	}
	found := false
	for _, at := range t.Attempts {
		if cmd.Attempt != 0 && at.Number != cmd.Attempt {
			continue
		}
		found = true
		if err := printLog(ctx, a, c, at); err != nil {
			return fmt.Errorf("log of attempt %d: %w", at.Number, err)
		}
	}
	if !found && cmd.Attempt != 0 {
		return &failure{Exit: exitNotFound, Code: "no_attempt", Message: fmt.Sprintf("task %s has no attempt %d; it has %d", shortID(t.ID), cmd.Attempt, len(t.Attempts))}
	}
	return nil
}

func printLog(ctx context.Context, a *app, c *client.Client, at client.Attempt) error {
	data, err := c.Payload(ctx, at.Log)
	if err != nil {
		return err
	}
	log := ""
	if len(data) > 0 {
		log = payloadString(data)
	}
	if a.json() {
		return a.printLine(attemptLog{at.Number, at.Agent, at.Outcome, log})
	}
	fmt.Fprintf(a.stderr, "--- attempt %d by %s: %s\n", at.Number, shortID(at.Agent), at.Outcome)
	if log != "" && !strings.HasSuffix(log, "\n") {
		log += "\n"
	}
	_, err = io.WriteString(a.stdout, log)
	return err
}
