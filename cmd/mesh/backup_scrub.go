package main

import (
	"context"
	"fmt"

	"github.com/hivemesh/hivemesh/client"
)

type backupScrubCmd struct {
	Rate  int    `help:"Events to compare a second, at most: 1000 to 1000000." default:"20000" placeholder:"N"`
	After uint64 `help:"Begin after this sequence." placeholder:"N"`
	Limit int    `help:"Differences to show at most." default:"100" placeholder:"N"`
}

// Run compares the log of the running mesh with its archive; it fails when they
// differ.
func (cmd *backupScrubCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	p := newPace(a, "compared")
	all := client.Scrub{UpTo: cmd.After, Differences: []client.Difference{}}
	for {
		got, err := c.ScrubArchive(ctx, all.UpTo, cmd.Rate)
		if err != nil {
			return err
		}
		all.Events, all.Found = all.Events+got.Events, all.Found+got.Found
		for _, d := range got.Differences {
			if len(all.Differences) < cmd.Limit {
				all.Differences = append(all.Differences, d)
			}
		}
		if all.End == 0 {
			all.End = got.End // what is archived meanwhile is for the next scrub
		}
		stuck := got.UpTo <= all.UpTo
		all.UpTo = max(all.UpTo, got.UpTo)
		p.tell("events", all.UpTo-cmd.After, max(all.End, cmd.After)-cmd.After)
		if all.UpTo >= all.End {
			return cmd.print(a, all)
		}
		if stuck {
			return &failure{Exit: exitFailed, Code: "unfinished", Message: fmt.Sprintf("the mesh compared nothing after %d, and the archive ends at %d", all.UpTo, all.End), Hint: "mesh backup status says how the archive is"}
		}
	}
}

func (cmd *backupScrubCmd) print(a *app, all client.Scrub) error {
	if a.json() {
		if err := a.printJSON(all); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "compared %d archived events up to %d: %d differences\n", all.Events, all.UpTo, all.Found)
		for _, d := range all.Differences {
			fmt.Fprintf(a.stdout, "  %d %s %s\n", d.Seq, d.Kind, d.Detail)
		}
	}
	if all.Found == 0 {
		return nil
	}
	return &failure{
		Exit: exitFailed, Code: "different", Message: fmt.Sprintf("the log and its archive differ in %d places", all.Found),
		Hint: "keep both, run mesh backup verify; when that finds the archive intact and the log is damaged, restore it into a new data directory",
	}
}
