package main

import (
	"context"
	"fmt"
)

// agentDrainCmd is "mesh agent drain".
type agentDrainCmd struct {
	Agent  string `arg:"" help:"Agent name, id, or a unique beginning of the id."`
	Reason string `help:"Why, for the record."`
}

// Run stops new work for the agent.
func (cmd *agentDrainCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := resolveAgent(ctx, c, cmd.Agent)
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	receipt, err := c.DrainAgent(ctx, id, cmd.Reason)
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	return a.printReceipt(receipt, "agent "+cmd.Agent+" is draining")
}

// agentResumeCmd is "mesh agent resume".
type agentResumeCmd struct {
	Agent string `arg:"" help:"Agent name, id, or a unique beginning of the id."`
}

// Run gives the agent work again.
func (cmd *agentResumeCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := resolveAgent(ctx, c, cmd.Agent)
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	receipt, err := c.ResumeAgent(ctx, id)
	if err != nil {
		return fmt.Errorf("agent %s: %w", cmd.Agent, err)
	}
	return a.printReceipt(receipt, "agent "+cmd.Agent+" gets work again")
}
