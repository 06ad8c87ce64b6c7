package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// taskLsCmd is "mesh task ls".
type taskLsCmd struct {
	paging     `embed:""`
	Status     []string `help:"Only these: waiting, assigned, running, completed, failed, cancelled, dead_lettered." short:"s" placeholder:"STATUS"`
	Queue      []string `help:"Only these queues." placeholder:"NAME"`
	Capability []string `help:"Only tasks that need this." short:"c" placeholder:"NAME"`
	Agent      string   `help:"Only tasks of this agent." placeholder:"AGENT"`
}

// Run prints one page of tasks, newest first.
func (cmd *taskLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	var agent []string
	if cmd.Agent != "" {
		id, err := resolveAgent(ctx, c, cmd.Agent)
		if err != nil {
			return err
		}
		agent = []string{id}
	}
	options, err := cmd.options(term{"status", cmd.Status}, term{"queue", cmd.Queue}, term{"capability", cmd.Capability}, term{"agent", agent})
	if err != nil {
		return err
	}
	page, err := c.Tasks(ctx, options)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	return a.printTable(taskTable(page.Items, time.Now()), page.Next)
}

func taskTable(tasks []client.Task, now time.Time) *table {
	t := &table{header: []string{"ID", "STATUS", "QUEUE", "NEEDS", "PRI", "ATTEMPT", "AGENT", "SUBMITTED", "TOOK", "NOTE"}}
	ids := make([]string, 0, len(tasks))
	for _, task := range tasks {
		ids = append(ids, task.ID)
	}
	short := shortIDs(ids)
	for _, task := range tasks {
		took := ""
		if task.FinishedAt != nil {
			took = span(taken(task))
		}
		t.add(text(short[task.ID]), statusCell(task.Status), text(task.Queue),
			text(strings.Join(task.Capabilities, ",")), textf("%d", task.Priority),
			textf("%d/%d", task.Attempt, task.MaxAttempts), text(shortID(task.Agent)),
			text(ago(task.SubmittedAt, now)), text(took), text(taskNote(task)))
	}
	return t
}

// taskNote is what is most worth knowing about a task beside its status.
func taskNote(t client.Task) string {
	switch {
	case t.Incomplete:
		return "an event is parked: mesh projection parked tasks"
	case !final(t.Status) && (t.Progress > 0 || t.Message != ""):
		return oneLine(fmt.Sprintf("%d%% %s", t.Progress, t.Message), 50)
	}
	return oneLine(t.Reason, 50)
}
