package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/client"
)

// eventPublishCmd is "mesh event publish".
type eventPublishCmd struct {
	Type    string `help:"Type of the event, such as com.example.order.placed." short:"t" placeholder:"TYPE"`
	Source  string `help:"Where it comes from, a URI reference." default:"/mesh/cli" placeholder:"URI"`
	ID      string `help:"Id within the source; the same source and id is the same event (default: a new one)." placeholder:"ID"`
	Subject string `help:"What it is about within the source."`
	Time    string `help:"When it happened (default: now)." placeholder:"TIME|DURATION"`
	Input   string `help:"Data of the event: JSON, @FILE, or - for standard input." placeholder:"JSON|@FILE|-"`
	Batch   string `help:"Publish one CloudEvent per line of NDJSON." placeholder:"FILE|-"`
}

// Run publishes one event, or a batch.
func (cmd *eventPublishCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	if cmd.Batch != "" {
		if cmd.Type != "" || cmd.Input != "" || cmd.ID != "" {
			return usagef("--batch takes type, id and data from its lines; leave out --type, --id and --input")
		}
		return cmd.publishBatch(ctx, a, c)
	}
	event, err := cmd.event(a, time.Now())
	if err != nil {
		return err
	}
	results, err := c.Publish(ctx, event)
	if err != nil {
		return err
	}
	if len(results) != 1 {
		return fmt.Errorf("publish: the mesh answered %d results to one event", len(results))
	}
	if p := results[0].Error; p != nil {
		return a.explainProblem(fmt.Errorf("%s", problemText(*p)), *p)
	}
	return a.printReceipt(results[0].Receipt, results[0].ID+" at "+results[0].Position)
}

func (cmd *eventPublishCmd) event(a *app, now time.Time) (client.CloudEvent, error) {
	if cmd.Type == "" {
		return client.CloudEvent{}, usagef("give --type, what happened, or --batch")
	}
	data, err := a.readJSON("input", cmd.Input)
	if err != nil {
		return client.CloudEvent{}, err
	}
	at, err := readMoment("time", cmd.Time, now)
	if err != nil {
		return client.CloudEvent{}, err
	}
	e := client.CloudEvent{SpecVersion: "1.0", ID: cmd.ID, Source: cmd.Source, Type: cmd.Type, Subject: cmd.Subject, Time: at, Data: data}
	if e.ID == "" {
		e.ID = uuid.NewString()
	}
	if data != nil {
		e.DataContentType = "application/json"
	}
	return e, nil
}

func (cmd *eventPublishCmd) publishBatch(ctx context.Context, a *app, c *client.Client) error {
	var events []client.CloudEvent
	var lines []int
	err := a.eachLine(cmd.Batch, func(n int, line []byte) error {
		var e client.CloudEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return &failure{Exit: exitUsage, Code: "invalid_line", Message: fmt.Sprintf("--batch: line %d is not a CloudEvent: %v", n, err), Hint: `a line is like {"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","data":{}}`}
		}
		e.Data = bytes.Clone(e.Data)
		events, lines = append(events, e), append(lines, n)
		return nil
	})
	if err != nil {
		return err
	}
	refused := 0
	for start := 0; start < len(events); start += maxBatch {
		end := min(start+maxBatch, len(events))
		results, err := c.Publish(ctx, events[start:end]...)
		if err != nil {
			return fmt.Errorf("publish the events from line %d on: %w", lines[start], err)
		}
		for i, r := range results {
			if r.Error != nil {
				refused++
			}
			if err := printPublished(a, batchLine{lines[start+i], r}); err != nil {
				return err
			}
		}
	}
	if refused > 0 {
		return &failure{Exit: exitFailed, Code: "items_refused", Message: fmt.Sprintf("%d of %d events were refused", refused, len(events))}
	}
	return nil
}

func printPublished(a *app, line batchLine) error {
	switch {
	case a.json():
		return a.printLine(line)
	case line.Error != nil:
		_, err := fmt.Fprintf(a.stderr, "line %d: %s\n", line.Line, problemText(*line.Error))
		return err
	}
	_, err := fmt.Fprintln(a.stdout, line.ID, "at", line.Position)
	return err
}
