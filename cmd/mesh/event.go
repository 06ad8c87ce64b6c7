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

// eventCmd groups the commands about events.
type eventCmd struct {
	Publish eventPublishCmd `cmd:"" help:"Append external facts (CloudEvents)."`
	Tail    eventTailCmd    `cmd:"" help:"Print events as they come, or again from any position."`
	Show    eventShowCmd    `cmd:"" help:"Show one event with its data."`
	Ls      eventLsCmd      `cmd:"" aliases:"list" help:"Search the index of all events, newest first."`
}

// eventLsCmd is "mesh event ls".
type eventLsCmd struct {
	paging      `embed:""`
	Kind        []string `help:"Only entities of this kind: task, agent, ext, projection." placeholder:"KIND"`
	Entity      string   `help:"Only this entity: its id." placeholder:"ID"`
	Type        []string `help:"Only these types, such as task.completed." short:"t" placeholder:"TYPE"`
	Actor       string   `help:"Only what this principal did." placeholder:"ID"`
	Correlation string   `help:"Only what belongs together under this id." placeholder:"ID"`
}

// Run prints one page of events.
func (cmd *eventLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options(term{"kind", cmd.Kind}, term{"entity", one(cmd.Entity)}, term{"type", cmd.Type},
		term{"actor", one(cmd.Actor)}, term{"correlation", one(cmd.Correlation)})
	if err != nil {
		return err
	}
	page, err := c.Events(ctx, options)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	entities := make([]string, 0, len(page.Items))
	for _, e := range page.Items {
		entities = append(entities, e.Entity)
	}
	short := shortIDs(entities)
	t := &table{header: []string{"SEQ", "TIME", "TYPE", "KIND", "ENTITY", "ACTOR"}}
	for _, e := range page.Items {
		t.add(textf("%d", e.Seq), text(e.Time.Local().Format("01-02 15:04:05.000")), text(oneLine(e.Type, 40)), text(e.Kind), text(short[e.Entity]), text(shortID(e.Actor)))
	}
	return a.printTable(t, page.Next)
}

// one returns the values of a filter term that has at most one.
func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// eventShowCmd is "mesh event show".
type eventShowCmd struct {
	Event string `arg:"" help:"Sequence number, or position." placeholder:"SEQ|POSITION"`
}

// Run prints one event.
func (cmd *eventShowCmd) Run(ctx context.Context, a *app) error {
	seq, err := sequence(cmd.Event)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	e, err := c.Event(ctx, seq)
	if err != nil {
		return fmt.Errorf("event %s: %w", cmd.Event, err)
	}
	if a.json() {
		return a.printJSON(e)
	}
	a.printFields([][2]string{
		{"position", e.Position},
		{"sequence", strconv.FormatUint(e.Seq, 10)},
		{"id", e.ID},
		{"time", stamp(&e.Time)},
		{"type", oneLine(e.Type, 200)},
		{"schema", strconv.Itoa(e.Schema)},
		{"tenant", e.Tenant},
		{"kind", e.Kind},
		{"entity", e.Entity},
		{"source", oneLine(e.Source, 200)},
		{"actor", e.Actor},
		{"command", e.Command},
		{"correlation", e.Correlation},
		{"causation", e.Causation},
		{"traceparent", e.TraceParent},
		{"data", oneLine(string(e.Data), 2000)},
	})
	return nil
}

// sequence returns the sequence of "17" or of a position "<epoch>.17".
func sequence(s string) (uint64, error) {
	seq, err := strconv.ParseUint(s[strings.LastIndexByte(s, '.')+1:], 10, 64)
	if err != nil || seq == 0 {
		return 0, usagef("%q is neither a sequence number nor a position", s)
	}
	return seq, nil
}

// eventText says in one line what an event tells.
func eventText(e client.Event) string {
	var d struct {
		Attempt int       `json:"attempt"`
		Agent   string    `json:"agent"`
		Percent *int      `json:"percent"`
		Message string    `json:"message"`
		Error   string    `json:"error"`
		Reason  string    `json:"reason"`
		Outcome string    `json:"outcome"`
		RetryAt time.Time `json:"retry_at"`
		Name    string    `json:"name"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return oneLine(e.Type, 60)
	}
	parts := []string{oneLine(e.Type, 60)}
	if d.Attempt > 0 {
		parts = append(parts, "attempt "+strconv.Itoa(d.Attempt))
	}
	if d.Agent != "" {
		parts = append(parts, "agent "+shortID(d.Agent))
	}
	if d.Percent != nil {
		parts = append(parts, strconv.Itoa(*d.Percent)+"%")
	}
	if d.Outcome != "" {
		parts = append(parts, "→ "+d.Outcome)
	}
	for _, s := range []string{d.Name, d.Message, d.Error, d.Reason} {
		if s != "" {
			parts = append(parts, oneLine(s, 120))
		}
	}
	if !d.RetryAt.IsZero() {
		parts = append(parts, "(again in "+span(d.RetryAt.Sub(e.Time))+")")
	}
	return strings.Join(parts, " ")
}
