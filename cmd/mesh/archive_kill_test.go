package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/eventstore"
)

// promises is what a mesh has acknowledged.
type promises struct {
	mu       sync.Mutex
	tasks    map[uint64]string // where each was said to be submitted
	archived uint64            // what backup create said
}

// TestArchiverKilled: a mesh that takes commands is killed at random points.
// Each time its archive is whole, is restored, and holds what was said to be
// archived.
func TestArchiverKilled(t *testing.T) {
	t.Parallel()
	s, kept, data := archivingMesh(t)
	p := &promises{tasks: map[uint64]string{}}
	for round := range *kills {
		if err := s.startMesh(t.Context()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		for range 4 {
			busy.Go(func() { p.submit(ctx, s.client) })
		}
		archived := make(chan struct{})
		busy.Go(func() { p.flush(ctx, s.client, archived) })
		if round%2 == 0 { // else it may be killed before the archiver has begun
			select {
			case <-archived:
			case <-time.After(patience):
				t.Fatalf("round %d: nothing was archived", round)
			}
		}
		<-time.After(rand.N(time.Second))
		s.mesh.kill()
		stop()
		busy.Wait()
		s.client.Close()
		p.check(t, kept, data)
	}
	if p.archived == 0 || len(p.tasks) == 0 {
		t.Errorf("archived up to %d, %d tasks: the test shows nothing", p.archived, len(p.tasks))
	}
	t.Logf("%d kills; %d tasks acknowledged, archived up to %d", *kills, len(p.tasks), p.archived)
}

// submit submits tasks until the mesh is gone.
func (p *promises) submit(ctx context.Context, c *client.Client) {
	for ctx.Err() == nil {
		receipt, err := c.Submit(ctx, client.SubmitRequest{Capabilities: []string{"nobody"}, Input: []byte(`{"n":1}`)})
		if err != nil {
			continue
		}
		p.mu.Lock()
		p.tasks[sequenceOf(receipt.Position)] = receipt.ID
		p.mu.Unlock()
	}
}

// flush has everything archived until the mesh is gone; first is closed when it
// was, once.
func (p *promises) flush(ctx context.Context, c *client.Client, first chan<- struct{}) {
	for once := false; ctx.Err() == nil; {
		got, err := c.FlushArchive(ctx)
		if err != nil {
			continue
		}
		p.mu.Lock()
		p.archived = max(p.archived, got.Archived)
		p.mu.Unlock()
		if !once {
			close(first)
			once = true
		}
	}
}

// check verifies the archive, restores it, and looks for what was promised.
func (p *promises) check(t *testing.T, kept, data string) {
	t.Helper()
	restored := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{
		{"backup", "verify", "--from", kept},
		{"restore", "--from", kept, "--data", restored, "--identity", filepath.Join(data, identityFile)},
	} {
		out, err := exec.CommandContext(t.Context(), "mesh", args...).CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == exitNotFound && p.archived == 0 {
			return // killed before anything was archived
		}
		if err != nil {
			t.Fatalf("mesh %s: %v\n%s", args, err, out)
		}
	}
	if err := p.missing(eventsIn(t, restored)); err != nil {
		t.Error(err)
	}
}

// missing is nil when a restored log holds what was archived.
func (p *promises) missing(events []eventstore.Stored) error {
	if last := events[len(events)-1].Seq; last < p.archived || uint64(len(events)) < last {
		return fmt.Errorf("restored %d events up to %d; up to %d was archived", len(events), last, p.archived)
	}
	for seq, id := range p.tasks {
		if seq > p.archived {
			continue
		}
		r, err := events[seq-1].Record()
		if err != nil || r.Seq != seq || r.Entity.ID != id {
			return fmt.Errorf("event %d is of %s (%w), not of task %s", seq, r.Entity, err, id)
		}
	}
	return nil
}
