package main

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/hivemesh/hivemesh/client"
)

// taskCmd groups the commands about tasks.
type taskCmd struct {
	Submit  taskSubmitCmd  `cmd:"" help:"Submit a task, or many."`
	Ls      taskLsCmd      `cmd:"" aliases:"list" help:"List tasks."`
	Show    taskShowCmd    `cmd:"" help:"Show a task with its attempts, input and result."`
	Wait    taskWaitCmd    `cmd:"" help:"Wait until tasks are over and print their results."`
	Watch   taskWatchCmd   `cmd:"" help:"Print the events of a task as they come, until it is over."`
	Logs    taskLogsCmd    `cmd:"" help:"Print what the attempts of a task wrote to their log."`
	Cancel  taskCancelCmd  `cmd:"" help:"Cancel tasks; work on them is stopped."`
	Requeue taskRequeueCmd `cmd:"" help:"Give failed or dead-lettered tasks fresh attempts."`
	Why     taskWhyCmd     `cmd:"" help:"Say why a task waits."`
}

// paging is what every list takes.
type paging struct {
	Filter string `help:"Filter: see mesh help filter." placeholder:"FILTER"`
	Limit  int    `help:"Items of a page, 1 to 1000." default:"50"`
	Cursor string `help:"Go on after the page before: its \"next\"."`
	After  string `help:"Wait until the read model has reached this position." placeholder:"POSITION"`
}

// options returns the list options with further filter terms; a term with an
// empty value is left out.
func (p paging) options(terms ...term) (client.ListOptions, error) {
	if p.Limit < 1 || p.Limit > 1000 {
		return client.ListOptions{}, usagef("--limit: %d is not between 1 and 1000", p.Limit)
	}
	parts := make([]string, 0, len(terms)+1)
	if p.Filter != "" {
		parts = append(parts, p.Filter)
	}
	for _, t := range terms {
		if len(t.values) > 0 {
			parts = append(parts, t.field+":"+strings.Join(t.values, ","))
		}
	}
	return client.ListOptions{Filter: strings.Join(parts, " "), Limit: p.Limit, Cursor: p.Cursor, After: p.After}, nil
}

// term is one field of the filter grammar with the values it may have.
type term struct {
	field  string
	values []string
}

// resolveTask returns the full id of a task from a unique prefix.
func resolveTask(ctx context.Context, c *client.Client, id string) (string, error) {
	if isFullID(id) {
		return id, nil
	}
	t, err := c.Task(ctx, id, "")
	if err != nil {
		return "", err
	}
	return t.ID, nil
}

// isFullID reports whether id is a whole id, not a name or the beginning of one.
func isFullID(id string) bool { return len(id) == 36 && uuid.Validate(id) == nil }

// final reports whether nothing more happens to a task by itself.
func final(status string) bool {
	switch status {
	case "completed", "failed", "cancelled", "dead_lettered":
		return true
	}
	return false
}

// statusCell paints a status of a task or agent.
func statusCell(status string) cell {
	switch status {
	case "completed", "active", "live":
		return cell{status, green}
	case "failed", "dead_lettered", "lost", "stalled", "stopped":
		return cell{status, red}
	case "running", "assigned", "rebuilding":
		return cell{status, cyan}
	case "cancelled", "draining", "behind":
		return cell{status, yellow}
	}
	return cell{text: status}
}
