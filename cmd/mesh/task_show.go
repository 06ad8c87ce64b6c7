package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// taskShowCmd is "mesh task show".
type taskShowCmd struct {
	ID     string `arg:"" help:"Task id, or a unique beginning of it."`
	After  string `help:"Wait until the read model has reached this position." placeholder:"POSITION"`
	Result bool   `help:"Print only the result." xor:"part"`
	Input  bool   `help:"Print only the input." xor:"part"`
}

// Run prints one task.
func (cmd *taskShowCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	t, err := c.Task(ctx, cmd.ID, cmd.After)
	if err != nil {
		return err
	}
	switch {
	case cmd.Result && t.Result == nil:
		return &failure{Exit: exitConflict, Code: "no_result", Message: fmt.Sprintf("task %s has no result: it is %s", shortID(t.ID), t.Status)}
	case cmd.Result:
		return printPayload(ctx, a, c, t.Result)
	case cmd.Input:
		return printPayload(ctx, a, c, t.Input)
	case a.json():
		return a.printJSON(t)
	}
	a.printFields(taskFields(t, time.Now()))
	printAttempts(a, t)
	return nil
}

// printPayload prints a payload as it is, fetching it when it is an artifact.
func printPayload(ctx context.Context, a *app, c *client.Client, p *client.Payload) error {
	if p == nil {
		_, err := fmt.Fprintln(a.stdout, "null")
		return err
	}
	data, err := c.Payload(ctx, p)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", data)
	return err
}

func taskFields(t client.Task, now time.Time) [][2]string {
	progress := ""
	if !final(t.Status) && (t.Progress > 0 || t.Message != "") {
		progress = oneLine(fmt.Sprintf("%d%% %s", t.Progress, t.Message), 200)
	}
	incomplete := ""
	if t.Incomplete {
		incomplete = "yes: an event of it is parked, see mesh projection parked tasks"
	}
	took := ""
	if t.FinishedAt != nil {
		took = span(taken(t))
	}
	return [][2]string{
		{"id", t.ID},
		{"status", t.Status},
		{"reason", oneLine(t.Reason, 500)},
		{"progress", progress},
		{"incomplete", incomplete},
		{"queue", t.Queue},
		{"needs", strings.Join(t.Capabilities, ", ")},
		{"priority", strconv.Itoa(t.Priority)},
		{"labels", labelsText(t.Labels)},
		{"agent", t.Agent},
		{"attempt", fmt.Sprintf("%d (%d of %d failures used)", t.Attempt, t.Failures, t.MaxAttempts)},
		{"lease", span(time.Duration(t.LeaseMS) * time.Millisecond)},
		{"submitted", stamp(&t.SubmittedAt) + ", " + ago(t.SubmittedAt, now) + ", by " + t.SubmittedBy},
		{"not before", stamp(t.NotBefore)},
		{"deadline", stamp(t.Deadline)},
		{"started", stamp(t.StartedAt)},
		{"finished", stamp(t.FinishedAt)},
		{"took", took},
		{"input", payloadText(t.Input)},
		{"result", payloadText(t.Result)},
		{"position", t.Position},
	}
}

// payloadText shows a payload in short.
func payloadText(p *client.Payload) string {
	switch {
	case p == nil:
		return ""
	case p.Artifact != nil:
		return fmt.Sprintf("%s, %s (%s)", bytesText(p.Artifact.Size), p.Artifact.MediaType, p.Artifact.Digest)
	}
	return oneLine(string(p.Inline), 300)
}

func printAttempts(a *app, t client.Task) {
	if len(t.Attempts) == 0 {
		return
	}
	tab := &table{header: []string{"ATTEMPT", "OUTCOME", "AGENT", "ASSIGNED", "STARTED", "TOOK", "LOG", "ERROR"}}
	for _, at := range t.Attempts {
		started, took, log := "", "", ""
		if at.StartedAt != nil {
			started = "+" + span(at.StartedAt.Sub(t.SubmittedAt))
		}
		if at.EndedAt != nil {
			took = span(at.EndedAt.Sub(at.AssignedAt))
		}
		if at.Log != nil {
			log = "yes"
		}
		tab.add(textf("%d", at.Number), text(at.Outcome), text(shortID(at.Agent)), text("+"+span(at.AssignedAt.Sub(t.SubmittedAt))),
			text(started), text(took), text(log), text(oneLine(at.Error, 80)))
	}
	fmt.Fprintln(a.stdout)
	tab.write(a.stdout, a.coloured(a.stdout)) //nolint:errcheck // the fields before it went the same way
}

// payloadString returns a payload that is a JSON string as plain text, and any
// other as JSON.
func payloadString(data json.RawMessage) string {
	var s string
	if json.Unmarshal(data, &s) == nil {
		return s
	}
	return string(data)
}
