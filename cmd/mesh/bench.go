package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/hivemesh/hivemesh/bench"
	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded"
)

// benchCmd measures the mesh on this machine, beside what it is built on.
type benchCmd struct {
	Names     []string `arg:"" optional:"" help:"Benchmarks to run: ${bench_names}. None: all." placeholder:"NAME"`
	Runs      int      `help:"Runs of each; the median counts." default:"5"`
	Items     []int    `help:"Sizes of memory, such as 1000,10000,50000,100000." default:"1000,10000" placeholder:"N"`
	Decisions int      `help:"Length of the log that recovery restores." default:"200000" placeholder:"N"`
	Dir       string   `help:"Scratch directory (default: a new one, removed at the end)." placeholder:"DIR"`
	Peers     string   `help:"Source directory of the program that runs the same through River; left out when it is not there." default:"bench/peers" placeholder:"DIR"`
}

// Run measures and prints one line a figure.
func (c *benchCmd) Run(ctx context.Context, a *app) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "mesh-bench-"); err != nil {
			return fmt.Errorf("make a scratch directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := os.Chmod(dir, 0o755); err != nil { // a Postgres without root's rights must get through
		return fmt.Errorf("open the scratch directory: %w", err)
	}
	live := a.newLive()
	defer live.end()
	return bench.Run(ctx, bench.Options{
		Names: c.Names, Runs: c.Runs, Items: c.Items, Decisions: c.Decisions, Dir: dir, Peers: c.Peers,
		Progress:  live.show,
		Report:    func(f bench.Figure) { live.end(); err = errors.Join(err, a.printFigure(f)) },
		StartMesh: func(ctx context.Context, dir string) (*bench.Mesh, error) { return startBenchMesh(ctx, a, dir) },
		Self:      runSelf,
	})
}

// printFigure prints one line: aligned for people, an object for programs.
func (a *app) printFigure(f bench.Figure) error {
	if a.json() {
		return a.printLine(f)
	}
	beside := ""
	if f.SubstrateOf != "" {
		beside = fmt.Sprintf("  %.2fx of %s (%.4g)", f.Ratio, f.SubstrateOf, f.Substrate)
	}
	_, err := fmt.Fprintf(a.stdout, "%-40s %10.4g %-9s ±%2.0f%% of %d%s\n", f.Name, f.Value, f.Unit, 50*f.Spread, f.Runs, beside)
	return err
}

// startBenchMesh starts a mesh as a process of its own and waits until it is ready.
func startBenchMesh(ctx context.Context, a *app, dir string) (*bench.Mesh, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a scratch directory: %w", err)
	}
	s := &stage{app: a, scratch: dir, live: a.newLive()}
	if err := s.startMesh(ctx); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	token, err := readLine(filepath.Join(data, tokenFile))
	if err != nil {
		return nil, err
	}
	pg, err := embedded.PostgresURL(data)
	if err != nil {
		return nil, err
	}
	m := &bench.Mesh{
		URL: "http://127.0.0.1:" + strconv.Itoa(s.ports[0]), Token: token, PID: s.mesh.process.Pid, Dir: data, PG: pg,
		Stop: func() error { s.mesh.stop(); return nil },
	}
	m.Restart = func(ctx context.Context) error {
		s.mesh.stop()
		err := s.startMesh(ctx)
		m.PID = s.mesh.process.Pid
		return err
	}
	return m, nil
}

// runSelf runs another process of this program and returns what it printed.
func runSelf(ctx context.Context, args ...string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = childStop
	return cmd.CombinedOutput()
}

// benchAgentsCmd is the other process of the scale test.
type benchAgentsCmd struct {
	Count int `help:"Number of agents." default:"10000"`
}

// Run connects the agents and serves until it is told to stop.
func (c *benchAgentsCmd) Run(ctx context.Context, a *app) error {
	connection, err := a.connection()
	if err != nil {
		return err
	}
	m, err := client.New(client.Config{URL: connection.URL, Token: connection.Token})
	if err != nil {
		return err
	}
	return bench.RunAgents(ctx, m, c.Count)
}
