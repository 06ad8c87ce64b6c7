package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// agentCmd groups the commands about agents.
type agentCmd struct {
	Run    agentRunCmd    `cmd:"" help:"Make any program an agent: input on stdin, result on stdout."`
	Join   agentJoinCmd   `cmd:"" help:"Make an identity for an agent by a join token."`
	Ls     agentLsCmd     `cmd:"" aliases:"list" help:"List agents."`
	Show   agentShowCmd   `cmd:"" help:"Show an agent."`
	Drain  agentDrainCmd  `cmd:"" help:"Give an agent no new work; it finishes what it has."`
	Resume agentResumeCmd `cmd:"" help:"Give a drained agent work again."`
	Sleep  agentSleepCmd  `cmd:"" help:"Put an agent to sleep, with a checkpoint of its state."`
	Wake   agentWakeCmd   `cmd:"" help:"Wake an agent: prints its checkpoint and what is worth knowing."`
}

// agentLsCmd is "mesh agent ls".
type agentLsCmd struct {
	paging `embed:""`
	Status []string `help:"Only these: active, draining, lost, left, asleep." short:"s" placeholder:"STATUS"`
}

// Run prints one page of agents.
func (cmd *agentLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options(term{"status", cmd.Status})
	if err != nil {
		return err
	}
	page, err := c.Agents(ctx, options)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	ids := make([]string, 0, len(page.Items))
	for _, agent := range page.Items {
		ids = append(ids, agent.ID)
	}
	short := shortIDs(ids)
	t := &table{header: []string{"ID", "NAME", "STATUS", "LOAD", "CAN", "QUEUES", "VERSION", "REGISTERED"}}
	for _, agent := range page.Items {
		t.add(text(short[agent.ID]), text(agent.Name), statusCell(agent.Status), textf("%d/%d", agent.Load, agent.Capacity),
			text(strings.Join(agent.Capabilities, ",")), text(strings.Join(agent.Queues, ",")), text(oneLine(agent.Version, 20)), text(ago(agent.RegisteredAt, time.Now())))
	}
	return a.printTable(t, page.Next)
}

// agentShowCmd is "mesh agent show".
type agentShowCmd struct {
	Agent string `arg:"" help:"Agent name, id, or a unique beginning of the id."`
	After string `help:"Wait until the read model has reached this position." placeholder:"POSITION"`
}

// Run prints one agent.
func (cmd *agentShowCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	agent, err := c.Agent(ctx, cmd.Agent, cmd.After)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(agent)
	}
	a.printFields([][2]string{
		{"id", agent.ID},
		{"name", agent.Name},
		{"status", agent.Status},
		{"load", fmt.Sprintf("%d of %d", agent.Load, agent.Capacity)},
		{"can", strings.Join(agent.Capabilities, ", ")},
		{"queues", strings.Join(agent.Queues, ", ")},
		{"labels", labelsText(agent.Labels)},
		{"version", oneLine(agent.Version, 100)},
		{"registered", stamp(&agent.RegisteredAt)},
		{"changed", stamp(&agent.UpdatedAt)},
		{"position", agent.Position},
	})
	return nil
}

// resolveAgent returns the full id of an agent from its name or a unique prefix.
func resolveAgent(ctx context.Context, c *client.Client, agent string) (string, error) {
	if isFullID(agent) {
		return agent, nil
	}
	found, err := c.Agent(ctx, agent, "")
	if err != nil {
		return "", err
	}
	return found.ID, nil
}
