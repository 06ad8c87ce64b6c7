package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/hivemesh/hivemesh/commands"
	"github.com/hivemesh/hivemesh/domain/drill"
	"github.com/hivemesh/hivemesh/eventstore"
	"github.com/hivemesh/hivemesh/workers/driller"
)

// newDriller returns what drills by itself, or nil.
func newDriller(cfg nodeConfig, store *eventstore.Store, service *commands.Service, leads func() bool) *driller.Driller {
	if cfg.Archive == nil || cfg.Archive.drillEvery == 0 {
		return nil
	}
	return driller.New(driller.Config{
		Store: store, Leads: leads, Every: cfg.Archive.drillEvery, Log: cfg.Log,
		Drill: func(ctx context.Context) (drill.Event, error) { return cfg.Archive.drill(ctx, store) },
		Record: func(ctx context.Context, outcome drill.Event) error {
			_, err := service.EndDrill(ctx, outcome)
			return err
		},
	})
}

// drill runs "mesh drill" as a program of its own, so that what goes wrong in
// it does not reach this node.
func (t *archiveTarget) drill(ctx context.Context, store *eventstore.Store) (drill.Event, error) {
	program, err := os.Executable()
	if err != nil {
		return drill.Failed{Reason: fmt.Sprintf("the mesh does not find its own program: %v", err)}, nil
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = []string{"mesh", "drill", "--from", t.name, "--log", store.Epoch(), "--identity", t.identity, "--verify", "-o", "json"}
	cmd.Env = childEnv(os.Environ())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops what it has started
	cmd.WaitDelay = time.Minute
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var r drillReport
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &r)
	}
	if err != nil {
		return drill.Failed{Reason: reasonOf(said.Bytes(), err)}, nil
	}
	loss, err := lossOf(ctx, store, r.Last, began)
	if err != nil {
		return nil, err
	}
	return drill.Passed{
		Log: r.Log, Events: r.Events, Last: r.Last, LastAt: r.LastAt, LossSeconds: loss.Seconds(),
		AllSeconds: r.RTO, ServeSeconds: r.Checked + r.Restored + r.Serving, Verified: r.Verified,
	}, nil
}

// reasonOf is why a program failed, from what it has said with -o json.
func reasonOf(said []byte, err error) string {
	var report struct {
		Error failure `json:"error"`
	}
	if json.Unmarshal(said, &report) == nil && report.Error.Message != "" {
		return report.Error.Message
	}
	return fmt.Sprintf("%s (%v)", bytes.TrimSpace(said), err)
}

// lossOf is how far back the events go that a loss of this machine would have
// taken: those that were not archived at that time.
func lossOf(ctx context.Context, store *eventstore.Store, archived uint64, at time.Time) (time.Duration, error) {
	next, err := store.Get(ctx, archived+1)
	if errors.Is(err, eventstore.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return max(0, at.Sub(next.Time)), nil
}
