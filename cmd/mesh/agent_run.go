package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// agentRunCmd is "mesh agent run".
type agentRunCmd struct {
	Name         string            `help:"Name of the agent, unique in the mesh; not needed with --identity." placeholder:"NAME"`
	Identity     string            `help:"File that mesh agent join made: the agent acts as itself, by its own key." placeholder:"FILE"`
	Capability   []string          `help:"What it can do; repeat or separate by commas." short:"c" placeholder:"NAME"`
	Queue        []string          `help:"Serve only these queues (default: all)." placeholder:"NAME"`
	Capacity     int               `help:"Tasks at once." default:"1" placeholder:"N"`
	Label        map[string]string `help:"Label K=V; repeat for more." mapsep:"none" placeholder:"K=V"`
	HTTP         bool              `help:"Speak HTTP only, where NATS cannot be reached." name:"over-http"`
	DrainTimeout time.Duration     `help:"At the end: time for running tasks to finish." default:"10s" placeholder:"DURATION"`
	Quiet        bool              `help:"Do not tell about each task, only of what goes wrong beside them." short:"q"`
	Command      []string          `arg:"" help:"Program and its arguments, behind --. See mesh help agent-programs." placeholder:"CMD"`
}

// Run works until it is interrupted, then drains.
func (cmd *agentRunCmd) Run(ctx context.Context, a *app) error {
	if cmd.Capacity < 1 {
		return usagef("--capacity: %d is less than 1", cmd.Capacity)
	}
	if len(cmd.Capability) == 0 && len(cmd.Queue) == 0 {
		return usagef("give --capability or --queue, so that tasks can be found for the agent")
	}
	path, err := exec.LookPath(cmd.Command[0])
	if err != nil {
		return &failure{Exit: exitUsage, Code: "no_program", Message: fmt.Sprintf("there is no program %q", cmd.Command[0]), Hint: "give a path, or a name that PATH knows"}
	}
	c, err := cmd.connect(a)
	if err != nil {
		return err
	}
	reap, err := startReaper(ctx, a.env)
	if err != nil {
		return err
	}
	defer reap.stop()
	tell := teller(a)
	b := &bridge{
		program: program{argv: append([]string{path}, cmd.Command[1:]...), env: a.env, grace: killGrace, reap: reap},
		agent:   cmd.Name,
		say:     tell,
	}
	if cmd.Quiet {
		b.say = func(string, ...any) {}
	}
	b.say("agent %s works for %s; Ctrl-C drains it", cmd.Name, c.URL())
	err = c.RunAgent(ctx, client.AgentConfig{
		Register: client.RegisterRequest{
			Name: cmd.Name, Capabilities: cmd.Capability, Queues: cmd.Queue, Capacity: cmd.Capacity,
			Labels: cmd.Label, Version: buildVersion().Version,
		},
		Handler: b.handle, OverHTTP: cmd.HTTP, DrainTimeout: cmd.DrainTimeout,
		OnError: func(err error) { tell("warning: %s", oneLine(err.Error(), 300)) },
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("agent %s: %w", cmd.Name, err)
	}
	b.say("agent %s has left", cmd.Name)
	return nil
}

// connect returns a client that acts by the agent's own key, if it has one,
// else as the user. It fills in the name under which the agent joined.
func (cmd *agentRunCmd) connect(a *app) (*client.Client, error) {
	switch {
	case cmd.Identity == "" && cmd.Name == "":
		return nil, usagef("give --name, or the --identity that mesh agent join made")
	case cmd.Identity == "":
		return a.connect()
	}
	c, pair, err := a.withIdentity(cmd.Identity)
	if cmd.Name == "" {
		cmd.Name = pair.Name
	}
	return c, err
}

// teller returns what prints a line to stderr, one at a time.
func teller(a *app) func(format string, args ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(a.stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
}

// bridge gives tasks to a program.
type bridge struct {
	program program
	agent   string
	say     func(format string, args ...any)
}

// handle is the client.Handler: one task, one run of the program.
func (b *bridge) handle(ctx context.Context, w *client.Work) (any, error) {
	started := time.Now()
	input := []byte(w.Input)
	if len(input) == 0 {
		input = []byte("null")
	}
	progress := make(chan report, 1)
	defer close(progress)
	go tellProgress(w, progress)
	result, err := b.program.run(ctx, job{
		input: input, env: workEnv(w, b.agent), log: w.Log,
		progress: func(percent int, message string) {
			select {
			case progress <- report{percent, message}:
			default: // the one before is still being told; the program must not wait
			}
		},
	})
	took := span(time.Since(started))
	if err != nil {
		b.say("task %s attempt %d failed after %s: %s", w.Task, w.Number, took, oneLine(err.Error(), 200))
		return nil, err
	}
	b.say("task %s attempt %d completed in %s", w.Task, w.Number, took)
	return result, nil
}

// report is one report of progress.
type report struct {
	percent int
	message string
}

// tellProgress passes reports on until there are no more.
func tellProgress(w *client.Work, reports <-chan report) {
	for r := range reports {
		w.Progress(r.percent, r.message)
	}
}

// workEnv is what a program finds in its environment about its task.
func workEnv(w *client.Work, agent string) []string {
	env := []string{
		"MESH_TASK_ID=" + w.Task,
		"MESH_ATTEMPT=" + strconv.Itoa(w.Number),
		"MESH_QUEUE=" + w.Queue,
		"MESH_AGENT=" + agent,
	}
	if !w.Deadline.IsZero() {
		env = append(env, "MESH_DEADLINE="+w.Deadline.UTC().Format(time.RFC3339Nano))
	}
	if w.Memory != nil {
		env = append(env, "MESH_MEMORY="+w.Memory.Text)
	}
	return env
}
