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
	for _, how := range []struct {
		name   string
		signal syscall.Signal
		limit  time.Duration // without an assignment
	}{
		{"killed", syscall.SIGKILL, 5 * time.Second},
		{"stopped", syscall.SIGTERM, 2 * time.Second},
	} {
		t.Run(how.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s := newSite(t, embeddedtest.PostgresURL(t), 0)
			leader, other := s.serve(ctx), s.serve(ctx)
			leader.ready(ctx, t)
			other.ready(ctx, t)
			if !leader.leads(ctx, t) {
				leader, other = other, leader
			}
			if !leader.leads(ctx, t) {
				t.Fatal("no node says that it leads")
			}
			for i := range 2 {
				leader.agent(t, fmt.Sprintf("of-leader-%d", i))
				other.agent(t, fmt.Sprintf("of-other-%d", i))
			}
			f := follow(t, other.client)
			j, stop := startLoad(ctx, t, leader.client, other.client)
			f.await(ctx, t, "task.completed", time.Time{}, 100)

			reads := startReads(ctx, other.client, f)
			before := time.Now()
			if err := leader.end(how.signal); err != nil {
				t.Fatal(err)
			}
			gone := time.Since(before)
			if how.signal == syscall.SIGTERM && leader.cmd.ProcessState.ExitCode() != 0 {
				t.Errorf("the stopped node ended with %s", leader.cmd.ProcessState)
			}
			f.await(ctx, t, "task.assigned", before.Add(gone+how.limit), 50)
			slowest, behind, err := reads()
			stop()
			gap := f.longestGap("task.assigned", before)
			t.Logf("node gone after %s; longest time without an assignment %s; slowest read %s; longest wait for the own write %s",
				gone.Round(time.Millisecond), gap.Round(time.Millisecond), slowest.Round(time.Millisecond), behind.Round(time.Millisecond))
			if gap > how.limit {
				t.Errorf("no assignment for %s, want at most %s", gap, how.limit)
			}
			if err != nil || slowest > 2*time.Second {
				t.Errorf("reads from the node that stays: slowest %s, %v", slowest, err)
			}
			if !other.leads(ctx, t) {
				t.Error("the node that is left does not lead")
			}
			j.check(ctx, t, other.client)
		})
	}
}

// startReads reads a list again and again, as it is and up to the newest
// event. The function returned ends that and tells the longest times.
func startReads(ctx context.Context, c *client.Client, f *feed) (end func() (plain, upToDate time.Duration, err error)) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	read := func(longest *time.Duration, after func() string) func() error {
		var failed error
		reading.Go(func() {
			tick := time.NewTicker(25 * time.Millisecond)
			defer tick.Stop()
			for {
				began := time.Now()
				_, err := c.Tasks(ctx, client.ListOptions{Limit: 1, After: after()})
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					failed = err
				}
				*longest = max(*longest, time.Since(began))
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
		return func() error { return failed }
	}
	var plain, upToDate time.Duration
	failed := read(&plain, func() string { return "" })
	read(&upToDate, func() string { return f.last().Position })
	return func() (time.Duration, time.Duration, error) {
		cancel()
		reading.Wait()
		return plain, upToDate, failed()
	}
}
