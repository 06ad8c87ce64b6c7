package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/recovery"
)

// restoreCmd is "mesh restore".
type restoreCmd struct {
	archiveArgs
	ToSeq     uint64 `help:"Last event to restore, by its sequence." name:"to-seq" xor:"to" placeholder:"N"`
	ToTime    string `help:"Restore what was stored up to this time, such as 2026-01-31T10:32:00Z." name:"to-time" xor:"to" placeholder:"TIME"`
	Plan      bool   `help:"Check the archive and say what would be done, and do nothing."`
	AllowLoss bool   `help:"Where the archive is damaged, restore what is intact before." name:"allow-loss"`
	Identity  string `help:"File with the age identity that opens the keys in the archive (default: archive.key in --data)." placeholder:"FILE"`
	NATS      string `help:"Restore into this NATS server instead of the data directory." name:"nats" placeholder:"URL"`
	Replicas  int    `help:"Copies of the log in --nats." default:"1"`
}

// Run restores a log into an empty system.
func (cmd *restoreCmd) Run(ctx context.Context, a *app) error {
	began := time.Now()
	to, err := cmd.target()
	if err != nil {
		return err
	}
	from, err := openArchive("--from", cmd.From)
	if err != nil {
		return err
	}
	defer from.Close()
	l, err := chooseLog(ctx, from, cmd.Log)
	if err != nil {
		return err
	}
	p := newPace(a, "checked")
	plan, err := recovery.Make(ctx, l, to, func(s archive.Seal) { p.tell("events up to", s.Last, l.End().Last) })
	if err != nil {
		return err
	}
	if plan.Events == 0 {
		return &failure{Exit: exitFailed, Code: "nothing", Message: "the archive holds nothing up to there", Hint: "mesh backup ls --from " + cmd.From}
	}
	if cmd.Plan {
		return a.printPlan(plan, cmd.into(a))
	}
	r, err := cmd.restore(ctx, a, from, l, plan)
	if err != nil {
		return err
	}
	return a.printRestored(plan, r, cmd.into(a), time.Since(began))
}

func (cmd *restoreCmd) target() (recovery.Target, error) {
	to := recovery.Target{Seq: cmd.ToSeq, AllowLoss: cmd.AllowLoss}
	if cmd.ToTime == "" {
		return to, nil
	}
	var err error
	if to.Time, err = time.Parse(time.RFC3339Nano, cmd.ToTime); err != nil {
		return to, usagef("--to-time: %q is no time such as 2026-01-31T10:32:00Z", cmd.ToTime)
	}
	return to, nil
}

func (cmd *restoreCmd) into(a *app) string {
	if cmd.NATS != "" {
		return "the NATS server of --nats"
	}
	return a.root.Data
}

// restore fills the empty system, and then opens it to nodes.
func (cmd *restoreCmd) restore(ctx context.Context, a *app, from archive.Target, l *archive.Log, plan recovery.Plan) (r recovery.Result, err error) {
	ids, err := cmd.identities(a)
	if err != nil {
		return r, err
	}
	fill := func(nc *nats.Conn) error {
		r, err = recovery.Run(ctx, recovery.Config{NATS: nc, Archive: from, Log: l, Identities: ids, Progress: newPace(a, "restored").tell, Store: cmd.log()}, plan)
		return err
	}
	if cmd.NATS != "" {
		err = cmd.overNATS(ctx, a, fill)
	} else {
		err = cmd.intoData(ctx, a, fill)
	}
	switch {
	case errors.Is(err, eventstore.ErrLogExists):
		err = &failure{Exit: exitConflict, Code: "log_exists", Message: "there is a log in " + cmd.into(a) + " already", Hint: "a restore never overwrites one: give an empty place (--data DIR), or move the old one away"}
	case errors.Is(err, archive.ErrNoIdentity):
		err = &failure{Exit: exitDenied, Code: "no_identity", Message: err.Error(), Hint: "--identity FILE; a mesh without other recipients keeps it as " + identityFile + " in its data directory"}
	}
	return r, err
}

// identities returns what opens the keys.
func (cmd *restoreCmd) identities(a *app) ([]age.Identity, error) {
	name := cmd.Identity
	if name == "" {
		name = filepath.Join(a.root.Data, identityFile)
		if _, err := os.Stat(name); err != nil {
			return nil, nil // said when the keys cannot be opened
		}
	}
	return readIdentities(name)
}

func (cmd *restoreCmd) log() eventstore.Config {
	return eventstore.Config{Stream: logStream, Replicas: cmd.Replicas}
}

// overNATS fills the server of --nats, and then opens it to nodes.
func (cmd *restoreCmd) overNATS(ctx context.Context, a *app, fill func(*nats.Conn) error) error {
	nc, err := connectNATS(cmd.NATS, newLog(a.stderr, "warn"))
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := fill(nc); err != nil {
		return err
	}
	return recovery.Finish(ctx, nc, cmd.log())
}

// intoData fills the data directory.
func (cmd *restoreCmd) intoData(ctx context.Context, a *app, fill func(*nats.Conn) error) (err error) {
	place, err := beginRestoring(a.root.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.close()) }()
	if err := place.server(ctx, a, true, fill); err != nil {
		return err
	}
	if err := place.server(ctx, a, false, func(nc *nats.Conn) error { return recovery.Finish(ctx, nc, cmd.log()) }); err != nil {
		return err
	}
	return place.finish()
}

// syncTimeout is how long the disk may take to store a whole log.
const syncTimeout = 30 * time.Minute

// printPlan says what a restore would do.
func (a *app) printPlan(p recovery.Plan, into string) error {
	if a.json() {
		return a.printJSON(planView(p))
	}
	a.printFields([][2]string{
		{"log", p.Log},
		{"into", into},
		{"events", fmt.Sprintf("%d, from %d to %d", p.Events, p.First, p.Last)},
		{"size", bytesText(int64(p.Bytes))},
		{"as of", utc(p.LastAt)},
		{"left out", fmt.Sprintf("%d later events", p.Dropped)},
		{"damage", damageText(p.Damage)}, //nolint:gosec // a size
	})
	return nil
}

type plannedRestore struct {
	Log      string    `json:"log"`
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	LastAt   time.Time `json:"last_at"`
	Events   uint64    `json:"events"`
	Bytes    uint64    `json:"bytes"`
	Archived uint64    `json:"archived"`
	Dropped  uint64    `json:"dropped"`
	Damage   string    `json:"damage,omitempty"`
}

func planView(p recovery.Plan) plannedRestore {
	return plannedRestore{Log: p.Log, First: p.First, Last: p.Last, LastAt: p.LastAt, Events: p.Events, Bytes: p.Bytes, Archived: p.Archived, Dropped: p.Dropped, Damage: damageText(p.Damage)}
}

func damageText(d *archive.DamageError) string {
	if d == nil {
		return ""
	}
	return d.Error()
}

// printRestored says what a restore has done, and what to do next.
func (a *app) printRestored(p recovery.Plan, r recovery.Result, into string, took time.Duration) error {
	if a.json() {
		return a.printJSON(struct {
			plannedRestore
			Epoch     string  `json:"epoch"`
			Artifacts int     `json:"artifacts"`
			Damaged   int     `json:"damaged_artifacts"`
			Seconds   float64 `json:"seconds"`
		}{planView(p), r.Epoch, r.Artifacts, len(r.Damaged), took.Seconds()})
	}
	fmt.Fprintf(a.stdout, "restored into %s in %.1f s: %d events up to %d (%s), %d artifacts; %.0f events/s\n", into, took.Seconds(), p.Events, p.Last, utc(p.LastAt), r.Artifacts, float64(p.Events)/took.Seconds())
	fmt.Fprintf(a.stdout, "The log is now %s. Start the mesh; it makes the read models from the log.\n", r.Epoch)
	for _, d := range r.Damaged {
		fmt.Fprintln(a.stdout, "lost: "+d.Error())
	}
	if p.Damage != nil {
		fmt.Fprintln(a.stdout, "lost: all later events; "+p.Damage.Error())
	}
	return nil
}
