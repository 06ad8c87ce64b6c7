package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

// agentSleepCmd is "mesh agent sleep".
type agentSleepCmd struct {
	Agent      string `arg:"" help:"Agent name, id, or a unique beginning of the id."`
	Checkpoint string `help:"File with the agent's state as text, at most 64 KiB; - reads stdin." placeholder:"FILE"`
	Reason     string `help:"Why, for the record."`
}

// Run puts the agent to sleep.
func (cmd *agentSleepCmd) Run(ctx context.Context, a *app) error {
	text := ""
	if cmd.Checkpoint != "" {
		arg := cmd.Checkpoint
		if arg != "-" {
			arg = "@" + arg
		}
		data, _, err := a.readArgument(arg)
		if err != nil {
			return err
		}
		text = string(data)
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := resolveAgent(ctx, c, cmd.Agent)
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	receipt, err := c.SleepAgent(ctx, client.SleepRequest{ID: id, Checkpoint: text, Reason: cmd.Reason})
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	if a.json() {
		return a.printJSON(receipt)
	}
	with := "without a checkpoint"
	if receipt.Checkpoint.Memory != "" {
		with = fmt.Sprintf("with checkpoint %s (%s)", receipt.Checkpoint.Memory, receipt.Checkpoint.Digest)
	}
	fmt.Fprintf(a.stdout, "agent %s is asleep, %s\n", cmd.Agent, with)
	return nil
}

// agentWakeCmd is "mesh agent wake".
type agentWakeCmd struct {
	Agent  string `arg:"" help:"Agent name, id, or a unique beginning of the id."`
	Budget int    `help:"Of the pack, in tokens." default:"2000" placeholder:"TOKENS"`
	Query  string `help:"What the pack is to be about; default: what the checkpoint says." placeholder:"TEXT"`
}

// Run wakes the agent. Checkpoint and pack go to stdout, what is said about
// them to stderr.
func (cmd *agentWakeCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := resolveAgent(ctx, c, cmd.Agent)
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	woken, err := c.WakeAgent(ctx, client.WakeRequest{ID: id, Query: cmd.Query, Budget: cmd.Budget})
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	if a.json() {
		return a.printJSON(woken)
	}
	fmt.Fprintf(a.stderr, "agent %s is awake\n", cmd.Agent)
	switch {
	case woken.CheckpointProblem != "":
		fmt.Fprintf(a.stderr, "checkpoint: %s (it slept with %s)\n", woken.CheckpointProblem, woken.Checkpoint.Digest)
	case woken.Checkpoint.Memory == "":
		fmt.Fprintln(a.stderr, "it slept without a checkpoint")
	default:
		fmt.Fprintf(a.stderr, "checkpoint %s, as it was: %s\n", woken.Checkpoint.Memory, woken.Checkpoint.Digest)
	}
	if woken.Text != "" {
		fmt.Fprintf(a.stdout, "%s\n\n", woken.Text)
	}
	if woken.MemoryError != "" {
		fmt.Fprintf(a.stderr, "no memory: %s\n", oneLine(woken.MemoryError, 200))
	}
	if woken.Memory != nil {
		fmt.Fprint(a.stdout, woken.Memory.Text)
		fmt.Fprintf(a.stderr, "%d items, %d of %d tokens\n", len(woken.Memory.Items), woken.Memory.Tokens, woken.Memory.Budget)
	}
	return nil
}
