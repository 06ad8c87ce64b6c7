package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hivemesh/hivemesh/archive"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/recovery"
)

// drillCmd is "mesh drill".
type drillCmd struct {
	archiveArgs
	Identity string        `help:"File with the age identity that opens the keys in the archive (default: archive.key in --data)." placeholder:"FILE"`
	Dir      string        `help:"Scratch directory (default: a new one, removed at the end)." placeholder:"DIR"`
	Verify   bool          `help:"Build every read model a second time and compare, too."`
	Limit    time.Duration `help:"Fail when the mesh does not answer everything by then." default:"15m" placeholder:"DURATION"`
}

// drillReport is what a drill has measured.
type drillReport struct {
	plannedRestore
	ArchiveAge float64 `json:"archive_age_seconds"` // since the last segment was written
	Checked    float64 `json:"checked_seconds"`
	Restored   float64 `json:"restored_seconds"`
	Serving    float64 `json:"serving_seconds"` // until the log takes commands
	ReadModels float64 `json:"read_models_seconds"`
	RTO        float64 `json:"rto_seconds"` // all of these
	Verified   int     `json:"verified_read_models"`
}

// Run restores an archive into a scratch directory, starts a mesh on it, waits
// until every read model is there, and says how long each step took. It fails
// when anything in the way fails: then a restore would, too.
func (cmd *drillCmd) Run(ctx context.Context, a *app) (err error) {
	ctx, cancel := context.WithTimeout(ctx, cmd.Limit)
	defer cancel()
	scratch := cmd.Dir
	if scratch == "" {
		if scratch, err = os.MkdirTemp("", "mesh-drill-"); err != nil {
			return fmt.Errorf("make a scratch directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	}
	if err := os.Chmod(scratch, 0o755); err != nil { //nolint:gosec // a Postgres without root's rights must get through
		return fmt.Errorf("open the scratch directory: %w", err)
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
	var r drillReport
	if err := cmd.restore(ctx, a, from, l, scratch, &r); err != nil {
		return err
	}
	if err := cmd.serve(ctx, a, scratch, &r); err != nil {
		return err
	}
	return a.printDrill(r)
}

// restore does what "mesh restore" does, into scratch.
func (cmd *drillCmd) restore(ctx context.Context, a *app, from archive.Target, l *archive.Log, scratch string, r *drillReport) error {
	began := time.Now()
	r.ArchiveAge = began.Sub(l.End().SealedAt).Seconds()
	p := newPace(a, "checked")
	plan, err := recovery.Make(ctx, l, recovery.Target{}, func(s archive.Seal) { p.tell("events up to", s.Last, l.End().Last) })
	if err != nil {
		return err
	}
	r.plannedRestore, r.Checked = planView(plan), time.Since(began).Seconds()
	began = time.Now()
	into := *a
	into.root.Data = filepath.Join(scratch, "data")
	restore := restoreCmd{Identity: cmd.Identity, Replicas: 1}
	if restore.Identity == "" {
		restore.Identity = filepath.Join(a.root.Data, identityFile)
	}
	_, err = restore.restore(ctx, &into, from, l, plan)
	r.Restored = time.Since(began).Seconds()
	return err
}

// serve starts a mesh on what was restored, and waits for its read models.
func (cmd *drillCmd) serve(ctx context.Context, a *app, scratch string, r *drillReport) error {
	began := time.Now()
	s := &stage{app: a, scratch: scratch, live: a.newLive()}
	defer s.stop(false)
	if err := s.startMesh(ctx); err != nil {
		return err
	}
	r.Serving = time.Since(began).Seconds()
	if err := cmd.awaitReadModels(ctx, s.client, r.Last); err != nil {
		return err
	}
	r.ReadModels = time.Since(began).Seconds() - r.Serving
	r.RTO = r.Checked + r.Restored + r.Serving + r.ReadModels
	if !cmd.Verify {
		return nil
	}
	results, err := verifyAll(ctx, s.client, nil)
	if err != nil {
		return err
	}
	for _, v := range results {
		if !v.Equal {
			return &failure{Exit: exitFailed, Code: "different", Message: fmt.Sprintf("the read model %s differs from what the restored log says: %s", v.Projection, v.Difference)}
		}
	}
	r.Verified = len(results)
	return nil
}

// awaitReadModels waits until each is live and has read the restored log.
func (cmd *drillCmd) awaitReadModels(ctx context.Context, c *client.Client, last uint64) error {
	tick := time.NewTicker(demoTick)
	defer tick.Stop()
	for {
		models, err := c.Projections(ctx)
		if err != nil {
			return err
		}
		waiting := slices.IndexFunc(models, func(p client.Projection) bool {
			return p.Status == "rebuilding" || p.Progress != nil || p.Lag > 0 && sequenceOf(p.Position) < last
		})
		if len(models) > 0 && waiting < 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return &failure{Exit: exitFailed, Code: "too_slow", Message: fmt.Sprintf("after %v the read models are not there", cmd.Limit), Hint: "see mesh.log with --dir, or allow more time: --limit"}
		}
	}
}

// sequenceOf is the sequence in a position of the log; 0 for none.
func sequenceOf(position string) uint64 {
	seq, err := strconv.ParseUint(position[strings.LastIndexByte(position, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return seq
}

func (a *app) printDrill(r drillReport) error {
	if a.json() {
		return a.printJSON(r)
	}
	a.printFields([][2]string{
		{"log", r.Log},
		{"events", fmt.Sprintf("%d up to %d, %s", r.Events, r.Last, bytesText(int64(r.Bytes)))}, //nolint:gosec // a size
		{"as of", utc(r.LastAt)},
		{"archive written", span(time.Duration(r.ArchiveAge*float64(time.Second))) + " ago"},
		{"checked in", fmt.Sprintf("%.1f s", r.Checked)},
		{"restored in", fmt.Sprintf("%.1f s", r.Restored)},
		{"serving after", fmt.Sprintf("%.1f s", r.Serving)},
		{"read models after", fmt.Sprintf("%.1f s more", r.ReadModels)},
		{"in all", fmt.Sprintf("%.1f s", r.RTO)},
	})
	if r.Verified > 0 {
		fmt.Fprintf(a.stdout, "%d read models are equal to second ones built from the restored log\n", r.Verified)
	}
	return nil
}
