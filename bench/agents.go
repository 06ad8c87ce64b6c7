package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// How many agents the scale test connects, and how many tasks they do.
const (
	scaleAgents = 10_000
	scaleTasks  = 10_000
	scaleRest   = 20 * time.Second // four heartbeats: what the connecting left behind is gone
)

// agents connects 10,000 agents from another process, gives them 10,000 tasks,
// and lets all of them reconnect at once.
func agents(ctx context.Context, o Options) error {
	return withMesh(ctx, o, "agents", func(c *client.Client, m *Mesh) error {
		before, err := resident(m.PID)
		if err != nil {
			return err
		}
		load, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := o.Self(load, "bench-agents", "--url", m.URL, "--token", m.Token, "--count", strconv.Itoa(scaleAgents))
			ended <- err
		}()
		defer func() {
			stop()
			<-ended //nolint:errcheck // it was told to stop
		}()
		began := time.Now()
		if err := active(ctx, c, scaleAgents); err != nil {
			return err
		}
		o.Report(figure("agents_connect_10k", "s", sample{time.Since(began).Seconds()}, "", nil))
		if err := reportMemory(o, m, "agent_server_memory_while_connecting", before); err != nil {
			return err
		}
		if err := pause(ctx, scaleRest); err != nil {
			return err
		}
		if err := reportMemory(o, m, "agent_server_memory", before); err != nil {
			return err
		}
		if err := work(ctx, c, o, "agents_10k_tasks"); err != nil {
			return err
		}
		if err := reportMemory(o, m, "agent_server_memory_while_working", before); err != nil {
			return err
		}
		return reconnect(ctx, c, m, o)
	})
}

// reportMemory reports what the mesh holds more than before, an agent.
func reportMemory(o Options, m *Mesh, name string, before int64) error {
	now, err := resident(m.PID)
	if err != nil {
		return err
	}
	o.Report(figure(name, "KB", sample{float64(now-before) / 1024 / scaleAgents}, "", nil))
	return nil
}

// work has the connected agents do scaleTasks tasks.
func work(ctx context.Context, c *client.Client, o Options, name string) error {
	counts, err := c.Counts(ctx, "")
	if err != nil {
		return fmt.Errorf("count tasks: %w", err)
	}
	var before int64
	for _, n := range counts.Now {
		before += n.Tasks
	}
	began := time.Now()
	if err := backlog(ctx, c, scaleTasks); err != nil {
		return err
	}
	if err := settled(ctx, c, before+scaleTasks); err != nil {
		return err
	}
	o.Report(figure(name, "tasks/s", sample{perSecond(scaleTasks, time.Since(began))}, "", nil))
	return nil
}

// reconnect restarts the mesh, so that all agents come back at once, and
// fails when one of them was declared lost that was not.
func reconnect(ctx context.Context, c *client.Client, m *Mesh, o Options) error {
	began := time.Now()
	if err := m.Restart(ctx); err != nil {
		return fmt.Errorf("restart the mesh: %w", err)
	}
	if err := work(ctx, c, o, "agents_10k_tasks_after_reconnect"); err != nil {
		return err
	}
	if err := pause(ctx, time.Until(began.Add(45*time.Second))); err != nil { // three windows of silence
		return err
	}
	lost, err := c.Events(ctx, client.ListOptions{Filter: "type:agent.lost", Limit: 1000})
	if err != nil {
		return fmt.Errorf("look for lost agents: %w", err)
	}
	o.Report(figure("agents_falsely_lost", "agents", sample{float64(len(lost.Items))}, "", nil))
	if len(lost.Items) > 0 {
		return fmt.Errorf("%d agents were declared lost though all were there", len(lost.Items))
	}
	return nil
}

// RunAgents connects count no-op agents and serves until ctx ends: the other
// process of the scale test.
func RunAgents(ctx context.Context, c *client.Client, count int) error {
	f, err := startFleet(ctx, c, count, 1, 0)
	if err != nil {
		return err
	}
	<-ctx.Done()
	f.close()
	return nil
}

// startup measures how long mesh up takes until it is ready, on an empty and
// on a used data directory, and what it holds in memory when idle.
func startup(ctx context.Context, o Options) error {
	var first, again, memory sample
	for run := range o.Runs {
		began := time.Now()
		err := withMesh(ctx, o, fmt.Sprintf("startup-%d", run), func(_ *client.Client, m *Mesh) error {
			first = append(first, time.Since(began).Seconds())
			if err := pause(ctx, 2*time.Second); err != nil {
				return err
			}
			bytes, err := resident(m.PID)
			if err != nil {
				return err
			}
			memory = append(memory, float64(bytes)/(1<<20))
			began := time.Now()
			if err := m.Restart(ctx); err != nil {
				return fmt.Errorf("restart the mesh: %w", err)
			}
			again = append(again, time.Since(began).Seconds())
			return nil
		})
		if err != nil {
			return err
		}
	}
	o.Report(figure("start_empty_data_directory", "s", first, "", nil))
	o.Report(figure("stop_and_start_again", "s", again, "", nil))
	o.Report(figure("idle_resident_memory", "MB", memory, "", nil))
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resident returns the resident memory of a process in bytes (Linux).
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kb, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("process %d shows no resident memory", pid)
}

// active waits until the mesh shows n active agents.
func active(ctx context.Context, c *client.Client, n int) error {
	f := &fleet{errs: make(chan error)}
	return f.registered(ctx, c, n)
}
