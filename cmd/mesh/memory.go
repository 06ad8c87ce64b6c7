package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// memoryCmd groups the commands about what is remembered.
type memoryCmd struct {
	Add       memoryAddCmd       `cmd:"" help:"Remember a text."`
	Import    memoryImportCmd    `cmd:"" help:"Import the documents of a directory; what has not changed is passed over."`
	Search    memorySearchCmd    `cmd:"" help:"Search by meaning and by words."`
	Similar   memorySimilarCmd   `cmd:"" help:"Look for items like another."`
	Pack      memoryPackCmd      `cmd:"" help:"Gather what is worth knowing for some work, within a budget of tokens."`
	Ls        memoryLsCmd        `cmd:"" aliases:"list" help:"List items, the latest first."`
	Show      memoryShowCmd      `cmd:"" help:"Show an item."`
	Correct   memoryCorrectCmd   `cmd:"" help:"Correct what an item says."`
	Supersede memorySupersedeCmd `cmd:"" help:"Say that another item holds instead."`
	Forget    memoryForgetCmd    `cmd:"" help:"Take items out of every search; their history stays."`
	Restore   memoryRestoreCmd   `cmd:"" help:"Undo that items were forgotten, superseded or merged."`
	Documents memoryDocumentsCmd `cmd:"" help:"List imported documents."`
	Export    memoryExportCmd    `cmd:"" help:"Write items as JSON, one a line."`
	Stats     memoryStatsCmd     `cmd:"" help:"Sum up what is remembered, and how far the embedder is."`
}

// keepFlags say who may recall what is remembered, and how much it matters.
type keepFlags struct {
	Scope      string   `help:"Who may recall it: tenant, team:NAME, or agent:ID for one principal alone." default:"tenant" placeholder:"SCOPE"`
	Tag        []string `help:"Tag; repeat or separate by commas." short:"t" placeholder:"NAME"`
	Importance float64  `help:"How much it matters, above 0 to 1." default:"0.5" placeholder:"N"`
}

type memoryAddCmd struct {
	keepFlags
	Text    string        `arg:"" help:"The text, @FILE for the content of a file, or - for standard input." placeholder:"TEXT|@FILE|-"`
	Kind    string        `help:"fact, decision, episode or skill." default:"fact" enum:"fact,decision,episode,skill" short:"k"`
	Subject string        `help:"What it is about: a newer item about the same supersedes." placeholder:"SUBJECT"`
	Expires time.Duration `help:"Forget it by itself after this time." placeholder:"DURATION"`
	Key     string        `help:"A repetition with the same key changes nothing." placeholder:"KEY"`
}

// Run remembers one text.
func (cmd *memoryAddCmd) Run(ctx context.Context, a *app) error {
	text, from, err := a.readArgument(cmd.Text)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	r := client.RememberRequest{
		Text: string(text), Kind: cmd.Kind, Scope: cmd.Scope, Subject: cmd.Subject, Importance: &cmd.Importance, Tags: cmd.Tag, Key: cmd.Key,
	}
	if cmd.Expires > 0 {
		at := time.Now().Add(cmd.Expires).UTC()
		r.ExpiresAt = &at
	}
	got, err := c.Remember(ctx, r)
	if err != nil {
		return fmt.Errorf("remember %s: %w", from, err)
	}
	return a.say(got, "remembered as %s", got.ID)
}

type memoryLsCmd struct {
	paging `embed:""`
	Kind   []string `help:"Only these kinds: fact, decision, chunk, episode, skill, summary, checkpoint." short:"k" placeholder:"KIND"`
	Status []string `help:"Only these: live, superseded, merged, forgotten." short:"s" placeholder:"STATUS"`
	Tag    []string `help:"Only with one of these tags." short:"t" placeholder:"NAME"`
	Scope  []string `help:"Only of these scopes." placeholder:"SCOPE"`
}

// Run prints one page of items.
func (cmd *memoryLsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options(term{"kind", cmd.Kind}, term{"status", cmd.Status}, term{"tag", cmd.Tag}, term{"scope", cmd.Scope})
	if err != nil {
		return err
	}
	page, err := c.Memories(ctx, options)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	ids := make([]string, len(page.Items))
	for i, m := range page.Items {
		ids[i] = m.ID
	}
	short, now := shortIDs(ids), time.Now()
	t := &table{header: []string{"ID", "STATUS", "KIND", "SCOPE", "SINCE", "FROM", "TEXT"}}
	for _, m := range page.Items {
		t.add(text(short[m.ID]), text(m.Status), text(m.Kind), text(m.Scope), text(ago(m.RememberedAt, now)), text(memoryFrom(m, 30)), text(oneLine(m.Text, 60)))
	}
	return a.printTable(t, page.Next)
}

// memoryFrom says where an item comes from.
func memoryFrom(m client.Memory, width int) string {
	if m.Place != nil {
		return oneLine(fmt.Sprintf("%s:%d", m.Place.URI, m.Place.Line), width)
	}
	if m.Subject != "" {
		return oneLine(m.Subject, width)
	}
	return oneLine(strings.TrimSpace(m.Source.Type+" "+shortID(m.Source.ID)), width)
}

type memoryShowCmd struct {
	Item string `arg:"" help:"Id, or a unique beginning of it." placeholder:"ID"`
}

// Run prints one item.
func (cmd *memoryShowCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	m, err := c.Memory(ctx, cmd.Item, "")
	if err != nil {
		return fmt.Errorf("item %s: %w", cmd.Item, err)
	}
	if a.json() {
		return a.printJSON(m)
	}
	a.printFields([][2]string{
		{"id", m.ID},
		{"status", strings.TrimSpace(m.Status + " " + m.ReplacedBy)},
		{"kind", m.Kind},
		{"scope", m.Scope},
		{"subject", m.Subject},
		{"from", memoryFrom(m, 200)},
		{"summary of", summaryOf(m)},
		{"tags", strings.Join(m.Tags, " ")},
		{"importance", fmt.Sprint(m.Importance)},
		{"used", fmt.Sprintf("%d, helpful %d, repeated %d", m.Used, m.Helpful, m.Repeats)},
		{"remembered", stamp(&m.RememberedAt)},
		{"expires", stamp(m.ExpiresAt)},
		{"event", fmt.Sprint(m.Seq)},
	})
	_, err = fmt.Fprintf(a.stdout, "\n%s\n", printable(m.Text))
	return err
}

func summaryOf(m client.Memory) string {
	if m.SummaryOf == nil {
		return ""
	}
	return fmt.Sprintf("%d items, %d bytes, now %d; by %s", m.SummaryOf.Items, m.SummaryOf.Bytes, len(m.Text), m.SummaryOf.By)
}

// printable keeps text from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

type memoryCorrectCmd struct {
	Item       string   `arg:"" help:"Id, or a unique beginning of it." placeholder:"ID"`
	Text       string   `help:"What it says now; @FILE or - as well." placeholder:"TEXT"`
	Importance *float64 `help:"How much it matters now." placeholder:"N"`
	Tag        []string `help:"Its tags now." short:"t" placeholder:"NAME"`
	Reason     string   `help:"Why; kept with the event." placeholder:"TEXT"`
}

// Run corrects one item.
func (cmd *memoryCorrectCmd) Run(ctx context.Context, a *app) error {
	said, _, err := a.readArgument(cmd.Text)
	if err != nil {
		return err
	}
	return a.changeMemory(cmd.Item, "corrected", func(c *client.Client) (client.Receipt, error) {
		return c.Correct(ctx, cmd.Item, client.MemoryRequest{Text: string(said), Importance: cmd.Importance, Tags: cmd.Tag, Reason: cmd.Reason})
	})
}

type memorySupersedeCmd struct {
	Item   string `arg:"" help:"Id of the item that holds no longer." placeholder:"ID"`
	By     string `help:"Id of the item that holds instead." required:"" placeholder:"ID"`
	Reason string `help:"Why; kept with the event." placeholder:"TEXT"`
}

// Run supersedes one item.
func (cmd *memorySupersedeCmd) Run(ctx context.Context, a *app) error {
	return a.changeMemory(cmd.Item, "superseded", func(c *client.Client) (client.Receipt, error) {
		return c.Supersede(ctx, cmd.Item, cmd.By, cmd.Reason)
	})
}

type memoryForgetCmd struct {
	Item   string `arg:"" help:"Id, or a unique beginning of it." placeholder:"ID"`
	Reason string `help:"Why; kept with the event." placeholder:"TEXT"`
}

// Run forgets one item.
func (cmd *memoryForgetCmd) Run(ctx context.Context, a *app) error {
	return a.changeMemory(cmd.Item, "forgotten", func(c *client.Client) (client.Receipt, error) { return c.Forget(ctx, cmd.Item, cmd.Reason) })
}

type memoryRestoreCmd struct {
	Item   string `arg:"" help:"Id, or a unique beginning of it." placeholder:"ID"`
	Reason string `help:"Why; kept with the event." placeholder:"TEXT"`
}

// Run restores one item.
func (cmd *memoryRestoreCmd) Run(ctx context.Context, a *app) error {
	return a.changeMemory(cmd.Item, "restored", func(c *client.Client) (client.Receipt, error) { return c.Restore(ctx, cmd.Item, cmd.Reason) })
}

// changeMemory carries out a command about one item and says what it did.
func (a *app) changeMemory(item, done string, do func(*client.Client) (client.Receipt, error)) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	got, err := do(c)
	if err != nil {
		return fmt.Errorf("item %s: %w", item, err)
	}
	return a.say(got, "%s %s", done, got.ID)
}

type memoryDocumentsCmd struct {
	paging `embed:""`
}

// Run prints one page of documents.
func (cmd *memoryDocumentsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	options, err := cmd.options()
	if err != nil {
		return err
	}
	page, err := c.Documents(ctx, options)
	if err != nil {
		return err
	}
	if a.json() {
		return printList(a, page.Items, page.Next)
	}
	t := &table{header: []string{"ID", "URI", "SCOPE", "TYPE", "SIZE", "PASSAGES", "IMPORTED"}}
	now := time.Now()
	for _, d := range page.Items {
		t.add(text(shortID(d.ID)), text(oneLine(d.URI, 60)), text(d.Scope), text(d.MediaType), text(bytesText(d.Size)), textf("%d", d.Chunks), text(ago(d.ImportedAt, now)))
	}
	return a.printTable(t, page.Next)
}

type memoryExportCmd struct {
	Filter string `help:"Only what it lets through, such as status:live kind:fact." placeholder:"FILTER"`
}

// Run writes every item that the caller may recall, the latest first.
func (cmd *memoryExportCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	out := json.NewEncoder(a.stdout)
	options := client.ListOptions{Filter: cmd.Filter, Limit: 500}
	for {
		page, err := c.Memories(ctx, options)
		if err != nil {
			return err
		}
		for _, m := range page.Items {
			if err := out.Encode(m); err != nil {
				return err
			}
		}
		if options.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

type memoryStatsCmd struct{}

// Run prints the sums.
func (cmd *memoryStatsCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	s, err := c.MemoryStats(ctx, "")
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(s)
	}
	printMemoryStats(a.stdout, s)
	return nil
}

func printMemoryStats(w io.Writer, s client.MemoryStats) {
	for _, i := range s.Items {
		fmt.Fprintf(w, "%-12s %-11s %8d\n", i.Kind, i.Status, i.Items)
	}
	fmt.Fprintf(w, "documents                %8d\n", s.Documents)
	for _, m := range s.Models {
		state := ""
		if m.Active {
			state = "  searches use it"
		}
		fmt.Fprintf(w, "model %s: %d vectors of %d numbers%s\n", m.Model, m.Vectors, m.Dimensions, state)
	}
	fmt.Fprintf(w, "tokens read by models    %8d\n", s.Tokens)
	if e := s.Embedder; e != nil {
		fmt.Fprintf(w, "waiting for %s: %d; set aside %d\n", e.Wanted, e.Waiting, e.SetAside)
		if e.LastFailure != "" {
			fmt.Fprintf(w, "embedding pauses: %s\n", oneLine(e.LastFailure, 200))
		}
	}
}
