package crash_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// TestFailover takes the node away that coordinates, while both nodes get
// tasks: the other one goes on soon, and answers reads all the while.
func TestFailover(t *testing.T) {
	t.Run("killed", func(t *testing.T) { failOver(t, syscall.SIGKILL, 5*time.Second) })
	t.Run("stopped", func(t *testing.T) { failOver(t, syscall.SIGTERM, 2*time.Second) })
}

// failOver ends the leader of two nodes by a signal. limit is how long nothing
// may be assigned.
func failOver(t *testing.T, signal syscall.Signal, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	leader, other := twoNodes(ctx, t)
	f := follow(t, other.client)
	j, stop := startLoad(ctx, t, leader.client, other.client)
	f.await(ctx, t, "task.completed", time.Time{}, 100)

	endReads := startReads(ctx, other.client, f)
	before := time.Now()
	if err := leader.end(signal); err != nil {
		t.Fatal(err)
	}
	gone := time.Since(before)
	if signal == syscall.SIGTERM && leader.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("the stopped node ended with %s", leader.cmd.ProcessState)
	}
	f.await(ctx, t, "task.assigned", before.Add(gone+limit), 50)
	plain, upToDate := endReads()
	stop()

	gap := f.longestGap("task.assigned", before)
	t.Logf("node gone after %s; longest time without an assignment %s; slowest read %s; slowest read of the newest event %s",
		gone.Round(time.Millisecond), gap.Round(time.Millisecond), plain.longest.Round(time.Millisecond), upToDate.longest.Round(time.Millisecond))
	if gap > limit {
		t.Errorf("no assignment for %s, want at most %s", gap, limit)
	}
	if plain.err != nil || plain.longest > 2*time.Second {
		t.Errorf("reads from the node that stays: slowest %s, %v", plain.longest, plain.err)
	}
	if !other.leads(ctx, t) {
		t.Error("the node that is left does not lead")
	}
	j.check(ctx, t, other.client)
}

// twoNodes starts two nodes of one mesh, with two agents each.
func twoNodes(ctx context.Context, t *testing.T) (leader, other *node) {
	t.Helper()
	s := newSite(t, embeddedtest.PostgresURL(t), 0) //nolint:contextcheck // it takes none
	leader, other = s.serve(ctx), s.serve(ctx)
	leader.ready(ctx, t)
	other.ready(ctx, t)
	if !leader.leads(ctx, t) {
		leader, other = other, leader
	}
	if !leader.leads(ctx, t) || other.leads(ctx, t) {
		t.Fatal("there is not one leader")
	}
	for i := range 2 {
		leader.agent(t, fmt.Sprintf("of-leader-%d", i)) //nolint:contextcheck // agents run until the test ends
		other.agent(t, fmt.Sprintf("of-other-%d", i))   //nolint:contextcheck // agents run until the test ends
	}
	return leader, other
}

// reads are what came of reading again and again.
type reads struct {
	longest time.Duration
	err     error
}

// startReads reads a list again and again, as it is and up to the newest
// event, until end is called.
func startReads(ctx context.Context, c *client.Client, f *feed) (end func() (plain, upToDate *reads)) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	plain, upToDate := &reads{}, &reads{}
	reading.Go(func() { plain.repeat(ctx, c, func() string { return "" }) })
	reading.Go(func() { upToDate.repeat(ctx, c, func() string { return f.last().Position }) })
	return func() (*reads, *reads) {
		cancel()
		reading.Wait()
		return plain, upToDate
	}
}

// repeat reads until ctx ends.
func (r *reads) repeat(ctx context.Context, c *client.Client, after func() string) {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		began := time.Now()
		_, err := c.Tasks(ctx, client.ListOptions{Limit: 1, After: after()})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.err = err
		}
		r.longest = max(r.longest, time.Since(began))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
