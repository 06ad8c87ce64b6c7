package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// taskSubmitCmd is "mesh task submit".
type taskSubmitCmd struct {
	Input        string            `help:"Input: JSON, @FILE, or - for standard input." placeholder:"JSON|@FILE|-"`
	Capability   []string          `help:"Capability that the agent must have; repeat or separate by commas." short:"c" placeholder:"NAME"`
	Queue        string            `help:"Queue (default \"default\")." placeholder:"NAME"`
	Priority     int               `help:"0 to 9, higher first."`
	Deadline     string            `help:"Fail it when not done by then." placeholder:"TIME|DURATION"`
	NotBefore    string            `help:"Do not assign it earlier." placeholder:"TIME|DURATION"`
	Lease        time.Duration     `help:"Longest silence of an attempt (default 30s)." placeholder:"DURATION"`
	MaxAttempts  int               `help:"Attempts before it is dead-lettered (default 3)." placeholder:"N"`
	Backoff      time.Duration     `help:"Pause after the first failure, doubled each time (default 1s)." placeholder:"DURATION"`
	Key          string            `help:"Idempotency key: the same key with the same content is the same task."`
	Label        map[string]string `help:"Label K=V; repeat for more." mapsep:"none" placeholder:"K=V"`
	Recall       *string           `help:"Give the agent what memory knows about this with its assignment; empty: about the input." placeholder:"QUERY"`
	RecallBudget int               `name:"recall-budget" help:"Of what the agent is given, in tokens (default 2000)." placeholder:"TOKENS"`
	RecallKind   []string          `help:"Only these kinds of items." placeholder:"KIND"`
	Remember     bool              `help:"Remember the result for the tenant."`
	Wait         bool              `help:"Wait until it is over; print its result." short:"w"`
	Batch        string            `help:"Submit one task per line of NDJSON; the flags are defaults for what a line leaves out." placeholder:"FILE|-"`
}

// Run submits one task, or a batch.
func (cmd *taskSubmitCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	request, err := cmd.request(a, time.Now())
	if err != nil {
		return err
	}
	if cmd.Batch != "" {
		return cmd.submitBatch(ctx, a, c, request)
	}
	if len(request.Capabilities) == 0 && request.Queue == "" {
		return usagef("give --capability or --queue, so that an agent can be chosen")
	}
	receipt, err := c.Submit(ctx, request)
	if err != nil {
		return err
	}
	if cmd.Wait {
		return waitFor(ctx, a, c, []string{receipt.ID})
	}
	if a.json() {
		return a.printJSON(receipt)
	}
	if receipt.Repeat {
		fmt.Fprintln(a.stderr, "the same task had been submitted before")
	}
	_, err = fmt.Fprintln(a.stdout, receipt.ID)
	return err
}

// request builds the request that the flags describe.
func (cmd *taskSubmitCmd) request(a *app, now time.Time) (client.SubmitRequest, error) {
	input, err := a.readJSON("input", cmd.Input)
	if err != nil {
		return client.SubmitRequest{}, err
	}
	deadline, err := readMoment("deadline", cmd.Deadline, now)
	if err != nil {
		return client.SubmitRequest{}, err
	}
	notBefore, err := readMoment("not-before", cmd.NotBefore, now)
	if err != nil {
		return client.SubmitRequest{}, err
	}
	r := client.SubmitRequest{
		Key: cmd.Key, Queue: cmd.Queue, Capabilities: cmd.Capability, Priority: cmd.Priority,
		Input: input, Deadline: deadline, NotBefore: notBefore,
		LeaseMS: cmd.Lease.Milliseconds(), Labels: cmd.Label,
	}
	if cmd.Recall == nil && (cmd.RecallBudget != 0 || len(cmd.RecallKind) > 0) {
		return client.SubmitRequest{}, usagef("--recall-budget and --recall-kind need --recall")
	}
	r.Remember = cmd.Remember
	if cmd.Recall != nil {
		r.Recall = &client.TaskRecall{Query: *cmd.Recall, Budget: cmd.RecallBudget, Kinds: cmd.RecallKind}
	}
	if cmd.MaxAttempts != 0 || cmd.Backoff != 0 {
		r.Retry = &client.Retry{MaxAttempts: cmd.MaxAttempts, BackoffMS: cmd.Backoff.Milliseconds()}
	}
	return r, nil
}
