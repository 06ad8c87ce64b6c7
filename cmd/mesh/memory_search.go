package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hivemesh/hivemesh/client"
)

// searchFlags narrow a search.
type searchFlags struct {
	Filter string   `help:"Further conditions, such as remembered>2026-01-01 source:task." placeholder:"FILTER"`
	Kind   []string `help:"Only these kinds." short:"k" placeholder:"KIND"`
	Tag    []string `help:"Only with one of these tags." short:"t" placeholder:"NAME"`
	Limit  int      `help:"How many hits, 1 to 100." short:"n" default:"10" placeholder:"N"`
	Why    bool     `help:"Say why each was found."`
}

func (f searchFlags) filter() string {
	terms := []string{f.Filter}
	if len(f.Kind) > 0 {
		terms = append(terms, "kind:"+strings.Join(f.Kind, ","))
	}
	if len(f.Tag) > 0 {
		terms = append(terms, "tag:"+strings.Join(f.Tag, ","))
	}
	return strings.TrimSpace(strings.Join(terms, " "))
}

type memorySearchCmd struct {
	searchFlags
	Query []string `arg:"" help:"What to look for." placeholder:"TEXT"`
	Mode  string   `help:"fused, meaning or words." default:"fused" enum:"fused,meaning,words"`
}

// Run searches.
func (cmd *memorySearchCmd) Run(ctx context.Context, a *app) error {
	return cmd.print(ctx, a, client.SearchRequest{Query: strings.Join(cmd.Query, " "), Mode: cmd.Mode, Filter: cmd.filter(), Limit: cmd.Limit})
}

type memorySimilarCmd struct {
	searchFlags
	Item string `arg:"" help:"Id, or a unique beginning of it." placeholder:"ID"`
}

// Run looks for items like another.
func (cmd *memorySimilarCmd) Run(ctx context.Context, a *app) error {
	return cmd.print(ctx, a, client.SearchRequest{Like: cmd.Item, Mode: "meaning", Filter: cmd.filter(), Limit: cmd.Limit})
}

func (f searchFlags) print(ctx context.Context, a *app, r client.SearchRequest) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	found, err := c.Search(ctx, r)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	if a.json() {
		return a.printJSON(found)
	}
	if found.Degraded != "" {
		fmt.Fprintf(a.stderr, "by words alone: %s\n", oneLine(found.Degraded, 200))
	}
	for i, h := range found.Hits {
		fmt.Fprintf(a.stdout, "%2d. %s  %s  %s\n", i+1, memoryFrom(h.Memory, 80), h.Kind, shortID(h.ID))
		if f.Why {
			fmt.Fprintf(a.stdout, "    %s\n", whyFound(h))
		}
		fmt.Fprintf(a.stdout, "    %s\n", oneLine(h.Text, 160))
	}
	if len(found.Hits) == 0 {
		fmt.Fprintln(a.stderr, "nothing was found")
	}
	return nil
}

// whyFound says which ranks made a hit.
func whyFound(h client.MemoryHit) string {
	parts := []string{fmt.Sprintf("score %.4f", h.Score)}
	if h.MeaningRank > 0 && h.Distance != nil {
		parts = append(parts, fmt.Sprintf("meaning %d (distance %.3f)", h.MeaningRank, *h.Distance))
	}
	if h.WordRank > 0 {
		parts = append(parts, fmt.Sprintf("words %d (weight %.3f)", h.WordRank, h.WordWeight))
	}
	parts = append(parts, fmt.Sprintf("importance %g, recency %.2f, event %d", h.Importance, h.Recency, h.Seq))
	if len(h.Folded) > 0 {
		parts = append(parts, fmt.Sprintf("%d more say the same", len(h.Folded)))
	}
	return strings.Join(parts, ", ")
}

type memoryPackCmd struct {
	Query  []string `arg:"" optional:"" help:"What the work is about." placeholder:"TEXT"`
	For    string   `help:"Take it from the input of this task." name:"for" placeholder:"TASK"`
	Budget int      `help:"Tokens at most." default:"2000" placeholder:"N"`
	Filter string   `help:"Only what it lets through." placeholder:"FILTER"`
}

// Run prints a pack.
func (cmd *memoryPackCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	got, err := c.Pack(ctx, client.PackRequest{Query: strings.Join(cmd.Query, " "), Task: cmd.For, Budget: cmd.Budget, Filter: cmd.Filter})
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	if a.json() {
		return a.printJSON(got)
	}
	fmt.Fprint(a.stdout, printable(got.Text))
	fmt.Fprintf(a.stderr, "%d items, about %d of %d tokens\n", len(got.Items), got.Tokens, got.Budget)
	return nil
}
