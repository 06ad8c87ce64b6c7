package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hivemesh/hivemesh/archive"
)

// backupCmd is "mesh backup".
type backupCmd struct {
	Create backupCreateCmd `cmd:"" help:"Have everything up to now archived, and wait until it is."`
	Status backupStatusCmd `cmd:"" help:"Show how far the archive of the running mesh is."`
	Ls     backupLsCmd     `cmd:"" help:"List the logs in an archive. Needs no mesh."`
	Scrub  backupScrubCmd  `cmd:"" help:"Compare the log of the running mesh with its archive, event by event."`
	Verify backupVerifyCmd `cmd:"" help:"Read an archive again and check every byte. Needs no mesh."`
}

type backupCreateCmd struct{}

// Run flushes the archive of the running mesh.
func (cmd *backupCreateCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	got, err := c.FlushArchive(ctx)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(got)
	}
	fmt.Fprintf(a.stdout, "archived: log %s up to %d, %d segments\n", got.Log, got.Archived, got.Segments)
	return nil
}

type backupStatusCmd struct{}

// Run shows the state of the archive of the running mesh.
func (cmd *backupStatusCmd) Run(ctx context.Context, a *app) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	got, err := c.Archive(ctx)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(got)
	}
	switch {
	case !got.Configured:
		fmt.Fprintln(a.stdout, "this mesh archives nothing: start it with --archive")
		return nil
	case !got.Active:
		fmt.Fprintln(a.stdout, "this node does not archive now")
	}
	a.printFields([][2]string{
		{"log", got.Log},
		{"archived", fmt.Sprint(got.Archived)},
		{"of", utc(got.LastAt)},
		{"sealed", utc(got.SealedAt)},
		{"segments", fmt.Sprint(got.Segments)},
		{"pending", fmt.Sprint(got.Pending)},
		{"failures", fmt.Sprint(got.Failures)},
		{"error", got.Error},
	})
	return nil
}

// utc writes a time for a person who is to name it again.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// archiveArgs say which archive is meant.
type archiveArgs struct {
	From string `help:"The archive: its directory, or its bucket, s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION." required:"" placeholder:"DIR|s3://…"`
	Log  string `help:"Identity of the log (default: the one that was archived last)." placeholder:"ID"`
}

// archivedLog is a log in an archive, as it is listed.
type archivedLog struct {
	Log      string    `json:"log"`
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	Events   uint64    `json:"events"`
	Bytes    uint64    `json:"bytes"`
	Size     int64     `json:"size"`
	Segments int       `json:"segments"`
	FirstAt  time.Time `json:"first_at"`
	LastAt   time.Time `json:"last_at"`
	SealedAt time.Time `json:"sealed_at"`
	Damage   string    `json:"damage,omitempty"`
}

func describeLog(l *archive.Log) archivedLog {
	out := archivedLog{Log: l.ID(), Segments: len(l.Seals), Last: l.End().Last, LastAt: l.End().LastAt, SealedAt: l.End().SealedAt}
	for i, s := range l.Seals {
		if i == 0 {
			out.First, out.FirstAt = s.First, s.FirstAt
		}
		out.Events, out.Bytes, out.Size = out.Events+s.Events, out.Bytes+s.Bytes, out.Size+s.Size
	}
	if l.Damage != nil {
		out.Damage = l.Damage.Error()
	}
	return out
}

type backupLsCmd struct {
	archiveArgs
}

// Run lists what an archive holds.
func (cmd *backupLsCmd) Run(ctx context.Context, a *app) error {
	from, err := openArchive("--from", cmd.From)
	if err != nil {
		return err
	}
	defer from.Close()
	ids, err := archive.Logs(ctx, from)
	if err != nil {
		return err
	}
	logs := []archivedLog{}
	t := &table{header: []string{"LOG", "EVENTS", "FIRST", "LAST", "FROM", "TO", "SIZE", "STATE"}}
	for _, id := range ids {
		if cmd.Log != "" && cmd.Log != id {
			continue
		}
		l, err := archive.OpenLog(ctx, from, id)
		if err != nil {
			return err
		}
		d := describeLog(l)
		logs = append(logs, d)
		state := cell{"unbroken", green}
		if d.Damage != "" {
			state = cell{"damaged", red}
		}
		t.add(text(d.Log), textf("%d", d.Events), textf("%d", d.First), textf("%d", d.Last), text(utc(d.FirstAt)), text(utc(d.LastAt)), text(bytesText(d.Size)), state)
	}
	if a.json() {
		return printList(a, logs, "")
	}
	return a.printTable(t, "")
}

type backupVerifyCmd struct {
	archiveArgs
}

// Run reads an archive again; it fails when something in it is damaged.
func (cmd *backupVerifyCmd) Run(ctx context.Context, a *app) error {
	from, err := openArchive("--from", cmd.From)
	if err != nil {
		return err
	}
	defer from.Close()
	l, err := chooseLog(ctx, from, cmd.Log)
	if err != nil {
		return err
	}
	total := uint64(0)
	for _, s := range l.Seals {
		total += s.Events
	}
	p := newPace(a, "checked")
	var done uint64
	r, err := l.Verify(ctx, func(s archive.Seal) { done += s.Events; p.tell("events", done, total) })
	if err != nil {
		return err
	}
	if a.json() {
		err = a.printJSON(r)
	} else {
		fmt.Fprintf(a.stdout, "log %s: %d segments, %d events, %s; %d artifacts; %d files of keys; intact up to %d\n", r.Log, r.Segments, r.Events, bytesText(int64(r.Bytes)), r.Artifacts, r.Keys, r.Intact) //nolint:gosec // a size
		for _, d := range r.Damage {
			fmt.Fprintln(a.stdout, "  "+d.Error())
		}
	}
	if err == nil && len(r.Damage) > 0 {
		return &failure{Exit: exitFailed, Code: "damaged", Message: fmt.Sprintf("%d parts of the archive are damaged; it is intact up to %d", len(r.Damage), r.Intact), Hint: "keep it, look for another copy; mesh restore --allow-loss restores what is intact"}
	}
	return err
}
