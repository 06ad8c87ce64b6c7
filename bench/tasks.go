package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// withMesh runs one mesh process with a client, for the length of a benchmark.
func withMesh(ctx context.Context, o Options, name string, do func(*client.Client, *Mesh) error) error {
	m, err := o.StartMesh(ctx, filepath.Join(o.Dir, name))
	if err != nil {
		return fmt.Errorf("start a mesh: %w", err)
	}
	c, err := client.New(client.Config{URL: m.URL, Token: m.Token})
	if err == nil {
		err = do(c, m)
		c.Close()
	}
	if stopErr := m.Stop(); err == nil && stopErr != nil {
		err = fmt.Errorf("stop the mesh: %w", stopErr)
	}
	return err
}

// latency measures submit → handler began at 200 tasks/s with 50 agents.
func latency(ctx context.Context, o Options) error {
	const rate, agents, perRun = 200, 50, 1000
	return withMesh(ctx, o, "latency", func(c *client.Client, _ *Mesh) error {
		f, err := startFleet(ctx, c, agents, 4, 0)
		if err != nil {
			return err
		}
		defer f.close()
		var p50, p99 sample
		for run := range o.Runs + 1 { // the first warms up
			f.reset(perRun)
			if err := paced(ctx, c, rate, perRun); err != nil {
				return err
			}
			if err := f.wait(ctx); err != nil {
				return err
			}
			if run > 0 {
				p50, p99 = append(p50, f.waits.at(0.5)), append(p99, f.waits.at(0.99))
			}
		}
		o.Report(figure("submit_to_start_p50_200_per_s", "ms", p50, "", nil))
		o.Report(figure("submit_to_start_p99_200_per_s", "ms", p99, "", nil))
		return nil
	})
}

// paced submits n tasks at a steady rate, each by a call of its own.
func paced(ctx context.Context, c *client.Client, rate, n int) error {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() {
			if _, err := c.Submit(ctx, noop()); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func noop() client.SubmitRequest {
	return client.SubmitRequest{Capabilities: []string{"noop"}, Input: []byte(`{"n":1}`)}
}

// lifecycle measures whole lives of tasks, from the first submission until the
// read models show all as completed: 64 callers submit one at a time, 100 agents
// with 10 slots work. Beside it run River and the bare loops, in turn.
func lifecycle(ctx context.Context, o Options) error {
	const callers, agents, capacity, perRun = 64, 100, 10, 10_000
	return withMesh(ctx, o, "lifecycle", func(c *client.Client, m *Mesh) error {
		river := newPeer(ctx, o, m)
		f, err := startFleet(ctx, c, agents, capacity, 0)
		if err != nil {
			return err
		}
		defer f.close()
		var rate, p50, p99, lag, bare, bareRead sample
		for run := range o.Runs + 1 { // the first warms up
			f.reset(perRun)
			began := time.Now()
			if err := concurrent(ctx, c, callers, perRun); err != nil {
				return err
			}
			if err := f.wait(ctx); err != nil {
				return err
			}
			reached := time.Now()
			if err := settled(ctx, c, int64((run+1)*perRun)); err != nil {
				return err
			}
			took, behind := time.Since(began), time.Since(reached)
			if err := river.run(ctx, perRun, callers, agents*capacity, false); err != nil {
				return err
			}
			without, with, err := bareLives(ctx, o, m, perRun, callers, agents*capacity)
			if err != nil {
				return err
			}
			if run > 0 {
				rate, lag = append(rate, perSecond(perRun, took)), append(lag, ms(behind))
				p50, p99 = append(p50, f.waits.at(0.5)), append(p99, f.waits.at(0.99))
				bare, bareRead = append(bare, without), append(bareRead, with)
			}
		}
		o.Report(figure("task_lifecycles_64_callers", "tasks/s", rate, "River", river.rate))
		o.Report(figure("task_lifecycles_64_callers", "tasks/s", rate, "bare loop", bare))
		o.Report(figure("task_lifecycles_64_callers", "tasks/s", rate, "bare loop with a read model", bareRead))
		o.Report(figure("task_lifecycles_submit_to_start_p50", "ms", p50, "River", river.p50))
		o.Report(figure("task_lifecycles_submit_to_start_p99", "ms", p99, "River", river.p99))
		o.Report(figure("task_lifecycles_read_models_settle", "ms", lag, "", nil))
		return nil
	})
}

// concurrent submits n tasks from a number of callers, each waiting for its answer.
func concurrent(ctx context.Context, c *client.Client, callers, n int) error {
	errs := make(chan error, callers)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range n / callers {
				if _, err := c.Submit(ctx, noop()); err != nil {
					errs <- fmt.Errorf("submit: %w", err)
					return
				}
			}
		})
	}
	for range n % callers {
		if _, err := c.Submit(ctx, noop()); err != nil {
			return fmt.Errorf("submit: %w", err)
		}
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// burndown measures how fast 100,000 waiting tasks are worked off with 1,000 slots.
func burndown(ctx context.Context, o Options) error {
	const tasks, agents, capacity = 100_000, 100, 10
	var rate, peers sample
	for run := range o.Runs {
		err := withMesh(ctx, o, fmt.Sprintf("burndown-%d", run), func(c *client.Client, m *Mesh) error {
			if err := backlog(ctx, c, tasks); err != nil {
				return err
			}
			began := time.Now()
			f, err := startFleet(ctx, c, agents, capacity, tasks)
			if err != nil {
				return err
			}
			defer f.close()
			if err := f.wait(ctx); err != nil {
				return err
			}
			rate = append(rate, perSecond(tasks, time.Since(began)))
			f.close()
			if err := settled(ctx, c, tasks); err != nil {
				return err
			}
			river := newPeer(ctx, o, m)
			err = river.run(ctx, tasks, 1, agents*capacity, true)
			peers = append(peers, river.rate...)
			return err
		})
		if err != nil {
			return err
		}
	}
	o.Report(figure("burn_down_100k_1000_slots", "tasks/s", rate, "River", peers))
	return nil
}

// backlog submits n tasks in batches while nobody works.
func backlog(ctx context.Context, c *client.Client, n int) error {
	const batch = 1000
	for left := n; left > 0; left -= batch {
		rs := make([]client.SubmitRequest, min(batch, left))
		for i := range rs {
			rs[i] = noop()
		}
		results, err := c.SubmitBatch(ctx, rs)
		if err != nil {
			return fmt.Errorf("submit a batch: %w", err)
		}
		for _, r := range results {
			if r.Error != nil {
				return fmt.Errorf("submit a batch: %s", r.Error.Detail)
			}
		}
	}
	return nil
}
