package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// projectionCmd groups the commands about read models.
type projectionCmd struct {
	Ls      projectionLsCmd      `cmd:"" aliases:"list" help:"Show how far each read model is."`
	Parked  projectionParkedCmd  `cmd:"" help:"List events that a read model could not apply, and those behind them."`
	Retry   projectionRetryCmd   `cmd:"" help:"Apply the parked events of an entity again."`
	Skip    projectionSkipCmd    `cmd:"" help:"Leave out one parked event for good."`
	Rebuild projectionRebuildCmd `cmd:"" help:"Build a read model anew beside the live one, then switch."`
	Verify  projectionVerifyCmd  `cmd:"" help:"Rebuild a read model aside and compare it with the live one."`
}

// projectionLsCmd is "mesh projection ls".
type projectionLsCmd struct{}

// Run prints the read models.
func (cmd *projectionLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	projections, err := c.Projections(ctx)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, projections, "")
	}
	t := &table{header: []string{"NAME", "STATUS", "VERSION", "GENERATION", "POSITION", "LAG", "PARKED", "NOTE"}}
	for _, p := range projections {
		t.add(text(p.Name), statusCell(p.Status), textf("%d", p.Version), textf("%d", p.Generation), text(p.Position),
			textf("%d (%s)", p.Lag, span(time.Duration(p.LagMS)*time.Millisecond)), textf("%d", p.Parked), text(projectionNote(p)))
	}
	return a.printTable(t, "")
}

func projectionNote(p client.Projection) string {
	if p.Progress != nil {
		return progressText(*p.Progress)
	}
	return oneLine(p.Error, 100)
}

func progressText(p client.Progress) string {
	percent := 100.0
	if p.Total > 0 {
		percent = 100 * float64(p.Done) / float64(p.Total)
	}
	return fmt.Sprintf("generation %d: %.0f%%, %.0f events/s, %s left", p.Generation, percent, p.PerSecond, span(time.Duration(p.LeftMS)*time.Millisecond))
}

// projectionParkedCmd is "mesh projection parked".
type projectionParkedCmd struct {
	Name   string `arg:"" help:"Read model."`
	paging `embed:""`
}

// Run prints one page of parked events.
func (cmd *projectionParkedCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options()
	if err != nil {
		return err
	}
	page, err := c.Parked(ctx, cmd.Name, options)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	t := &table{header: []string{"KEY", "SEQ", "TYPE", "TRIES", "SINCE", "ERROR"}}
	for _, p := range page.Items {
		why := cell{oneLine(p.Error, 100), red}
		if p.Behind {
			why = cell{"waits behind an earlier event", faint}
		}
		t.add(text(p.Key), textf("%d", p.Seq), text(oneLine(p.EventType, 40)), textf("%d", p.Attempts), text(ago(p.FirstAt, time.Now())), why)
	}
	return a.printTable(t, page.Next)
}

// projectionRetryCmd is "mesh projection retry".
type projectionRetryCmd struct {
	Name string `arg:"" help:"Read model."`
	Key  string `arg:"" help:"Key of the parked events, as parked shows it."`
}

// Run asks for another try.
func (cmd *projectionRetryCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	receipt, err := c.RetryParked(ctx, cmd.Name, cmd.Key)
	if err != nil {
		return fmt.Errorf("projection %s: %w", cmd.Name, err)
	}
	return a.printReceipt(receipt, "retry of "+cmd.Key+" in "+cmd.Name+" requested at "+receipt.Position)
}

// projectionSkipCmd is "mesh projection skip".
type projectionSkipCmd struct {
	Name   string `arg:"" help:"Read model."`
	Key    string `arg:"" help:"Key of the parked events, as parked shows it."`
	Seq    uint64 `arg:"" help:"Sequence of the event to leave out."`
	Reason string `help:"Why, for the record." required:""`
}

// Run asks for the event to be left out, once that is confirmed.
func (cmd *projectionSkipCmd) Run(ctx context.Context, a *app) error {
	if err := a.confirm(fmt.Sprintf("leaving out event %d from %s for good", cmd.Seq, cmd.Name)); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	receipt, err := c.SkipParked(ctx, cmd.Name, cmd.Key, cmd.Seq, cmd.Reason)
	if err != nil {
		return fmt.Errorf("projection %s: %w", cmd.Name, err)
	}
	return a.printReceipt(receipt, fmt.Sprintf("skip of event %d in %s requested at %s", cmd.Seq, cmd.Name, receipt.Position))
}
