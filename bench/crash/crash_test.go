package crash_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

var (
	rounds = flag.Int("rounds", 50, "how many times something is killed (10 with -short)")
	seed   = flag.Uint64("seed", 0, "of the random choices; 0 takes one from the clock")
)

// TestKillLoop kills whatever runs, at random moments, while tasks are
// submitted and worked on.
func TestKillLoop(t *testing.T) {
	n := *rounds
	if testing.Short() {
		n = min(n, 10)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d rounds, -seed %d", n, *seed)
	dice := rand.New(rand.NewPCG(*seed, 0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*20*time.Second+5*time.Minute)
	defer cancel()

	r := newRig(t)
	r.startMesh()
	c := r.client(ctx)
	r.ready(ctx, c)
	for i := range 3 {
		r.startAgent(fmt.Sprintf("agent-%d", i))
	}
	j := &journal{acked: map[string]client.Receipt{}}
	submitting, stopSubmitting := context.WithCancel(ctx)
	var submitters sync.WaitGroup
	for i := range 4 {
		submitters.Go(func() { j.submit(submitting, []*client.Client{c}, i) })
	}
	for round := range n {
		r.killSomething(ctx, c, dice, round)
	}
	stopSubmitting()
	submitters.Wait()
	r.ready(ctx, c)
	j.check(ctx, t, c)
}

// killSomething lets a random while pass, kills one thing, and brings back
// what does not come back by itself.
func (r *rig) killSomething(ctx context.Context, c *client.Client, dice *rand.Rand, round int) {
	r.t.Helper()
	timer := time.NewTimer(time.Duration(dice.IntN(800)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		r.t.Fatalf("round %d: %v", round, ctx.Err())
	}
	switch dice.IntN(5) {
	case 0, 1:
		if err := r.mesh.end(syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
		r.startMesh()
		if dice.IntN(3) > 0 { // else the next kill meets a mesh that is still starting
			r.ready(ctx, c)
		}
	case 2:
		r.killPostgres()
	default:
		name := fmt.Sprintf("agent-%d", dice.IntN(3))
		if err := r.agents[name].end(syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
		r.startAgent(name)
	}
}

// journal is what the mesh acknowledged, by idempotency key.
type journal struct {
	mu    sync.Mutex
	acked map[string]client.Receipt
}

// submit submits tasks to the nodes in turn until ctx ends. A task whose
// answer is lost is submitted again under its key, to the next node, until it
// is acknowledged.
func (j *journal) submit(ctx context.Context, nodes []*client.Client, submitter int) {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		key := fmt.Sprintf("%d/%d", submitter, i)
		for try := 0; ; try++ {
			c := nodes[(submitter+i+try)%len(nodes)]
			receipt, err := c.Submit(ctx, client.SubmitRequest{
				Key: key, Capabilities: []string{"work"}, Input: fmt.Appendf(nil, `{"n":%d}`, i), LeaseMS: 5_000,
				Retry: &client.Retry{MaxAttempts: 100, BackoffMS: 50, MaxBackoffMS: 1_000},
			})
			if err == nil {
				j.mu.Lock()
				j.acked[key] = receipt
				j.mu.Unlock()
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// check waits until every task is final, and compares journal, log and read models.
func (j *journal) check(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	if len(j.acked) == 0 {
		t.Fatal("nothing was acknowledged: the test shows nothing")
	}
	for key, receipt := range j.acked {
		task, err := c.Wait(ctx, receipt.ID)
		if err != nil {
			why, _ := c.Why(ctx, receipt.ID)
			t.Fatalf("task %s (key %s) is stuck: %v; %+v", receipt.ID, key, err, why)
		}
		if task.Status != "completed" {
			t.Errorf("task %s (key %s) is %s: %s", receipt.ID, key, task.Status, task.Reason)
		}
	}
	j.compareLog(ctx, t, c)
	states, err := c.Projections(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Parked > 0 {
			t.Errorf("projection %s has %d parked events", s.Name, s.Parked)
		}
		v, err := c.Verify(ctx, s.Name)
		if err != nil {
			t.Fatalf("verify %s: %v", s.Name, err)
		}
		if !v.Equal {
			t.Errorf("projection %s: rebuilt differs from live: %s", s.Name, v.Difference)
		}
	}
	t.Logf("%d tasks acknowledged, all completed once", len(j.acked))
}

// errCaughtUp ends the reading of the log.
var errCaughtUp = errors.New("caught up")

// compareLog reads the whole log: each acknowledged task was submitted where
// the receipt says and completed exactly once; no event id is there twice.
func (j *journal) compareLog(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	page, err := c.Events(ctx, client.ListOptions{Limit: 1})
	if err != nil || len(page.Items) == 0 {
		t.Fatalf("find the end of the log: %v", err)
	}
	end := page.Items[0].Seq
	submitted, completed, ids := map[string]string{}, map[string]int{}, map[string]bool{}
	err = c.Subscribe(ctx, client.SubscribeOptions{After: "start"}, func(e client.Event) error {
		if ids[e.ID] {
			t.Errorf("event %s is in the log twice", e.ID)
		}
		ids[e.ID] = true
		switch e.Type {
		case "task.submitted":
			submitted[e.Entity] = e.Position
		case "task.completed":
			completed[e.Entity]++
		}
		if e.Seq >= end {
			return errCaughtUp
		}
		return nil
	})
	if !errors.Is(err, errCaughtUp) {
		t.Fatalf("read the log: %v", err)
	}
	for key, receipt := range j.acked {
		if submitted[receipt.ID] == "" {
			t.Errorf("acknowledged task %s (key %s) is not in the log", receipt.ID, key)
		}
		if !receipt.Repeat && submitted[receipt.ID] != receipt.Position {
			t.Errorf("task %s was acknowledged at %s and stands at %s", receipt.ID, receipt.Position, submitted[receipt.ID])
		}
		if completed[receipt.ID] != 1 {
			t.Errorf("task %s completed %d times", receipt.ID, completed[receipt.ID])
		}
	}
}
