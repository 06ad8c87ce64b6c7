package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hivemesh/hivemesh/client"
)

// diffCmd is "mesh diff".
type diffCmd struct {
	From string   `help:"Before: a sequence, a time such as 2026-01-31T10:32:00Z, or so long ago, such as 90m." required:"" placeholder:"WHEN"`
	To   string   `help:"After; default the end of the log." placeholder:"WHEN"`
	Of   []string `help:"What to compare: task, agent, memory, document." default:"task,agent" enum:"task,agent,memory,document" placeholder:"KIND"`
}

// change is what became of one thing.
type change struct {
	Kind   string                `json:"kind"`
	ID     string                `json:"id"`
	What   string                `json:"what"` // added, removed or changed
	Fields map[string]beforeThen `json:"fields,omitempty"`
}

// row is one thing as the mesh tells it, by field.
type row map[string]json.RawMessage

type beforeThen struct {
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Run prints what differs.
func (cmd *diffCmd) Run(ctx context.Context, a *app) error {
	before, err := whenHeader("--from", cmd.From)
	if err != nil {
		return err
	}
	after, err := whenHeader("--to", cmd.To)
	if err != nil {
		return err
	}
	changes := []change{}
	for _, kind := range cmd.Of {
		one, err := a.rowsAt(ctx, before, kind)
		if err != nil {
			return fmt.Errorf("as of %s: %w", cmd.From, err)
		}
		two, err := a.rowsAt(ctx, after, kind)
		if err != nil {
			return fmt.Errorf("as of %s: %w", cmd.To, err)
		}
		changes = append(changes, compare(kind, one, two)...)
	}
	if a.json() {
		return a.printJSON(map[string]any{"changes": changes})
	}
	t := &table{header: []string{"KIND", "ID", "WHAT", "FIELDS"}}
	for _, c := range changes {
		t.add(text(c.Kind), text(shortID(c.ID)), text(c.What), text(c.fields()))
	}
	return a.printTable(t, "")
}

func whenHeader(flag, text string) (string, error) {
	if _, err := strconv.ParseUint(text, 10, 64); err == nil || text == "" {
		return text, nil
	}
	return timeHeader(flag, text)
}

// rowsAt returns all rows of a kind by id, as of when.
func (a *app) rowsAt(ctx context.Context, when, kind string) (rows map[string]row, err error) {
	then := *a
	then.at = when
	c, err := then.connect()
	if err != nil {
		return nil, err
	}
	err = a.whenBuilt(ctx, func() (err error) {
		switch kind {
		case "task":
			rows, err = everyRow(ctx, c.Tasks)
		case "agent":
			rows, err = everyRow(ctx, c.Agents)
		case "memory":
			rows, err = everyRow(ctx, c.Memories)
		default:
			rows, err = everyRow(ctx, c.Documents)
		}
		return err
	})
	return rows, err
}

func everyRow[T any](ctx context.Context, list func(context.Context, client.ListOptions) (client.Page[T], error)) (map[string]row, error) {
	rows := map[string]row{}
	for o := (client.ListOptions{Limit: 1000}); ; {
		page, err := list(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			text, err := json.Marshal(item)
			if err != nil {
				return nil, fmt.Errorf("compare rows: %w", err)
			}
			r := row{}
			if err := json.Unmarshal(text, &r); err != nil {
				return nil, fmt.Errorf("compare rows: %w", err)
			}
			rows[strings.Trim(string(r["id"]), `"`)] = r
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			return rows, nil
		}
	}
}

// compare tells what differs, by id.
func compare(kind string, before, after map[string]row) []change {
	var changes []change
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		one, was := before[id]
		two, is := after[id]
		c := change{Kind: kind, ID: id, What: "changed"}
		switch {
		case !was:
			c.What = "added"
		case !is:
			c.What = "removed"
		default:
			if c.Fields = differing(one, two); len(c.Fields) == 0 {
				continue
			}
		}
		changes = append(changes, c)
	}
	return changes
}

func differing(one, two row) map[string]beforeThen {
	fields := map[string]beforeThen{}
	all := maps.Clone(one)
	maps.Copy(all, two)
	for name := range all {
		if !bytes.Equal(one[name], two[name]) {
			fields[name] = beforeThen{one[name], two[name]}
		}
	}
	return fields
}

// fields tells what is short enough for a line.
func (c change) fields() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		f := c.Fields[name]
		text := fmt.Sprintf("%s: %v → %v", name, orNothing(f.Before), orNothing(f.After))
		if len(text) > 60 {
			text = name
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func orNothing(v json.RawMessage) string {
	if v == nil {
		return "-"
	}
	return strings.Trim(string(v), `"`)
}
