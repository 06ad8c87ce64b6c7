package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// selfCommand is the command line of a command of this program.
func selfCommand(args ...string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return append([]string{self}, args...), nil
}

// demoRequests turns pieces of work into tasks. Each has a key, so that a
// repeated request makes no second task.
func demoRequests(tasks []demoTask) ([]client.SubmitRequest, error) {
	requests := make([]client.SubmitRequest, 0, len(tasks))
	for _, t := range tasks {
		input, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("encode the task: %w", err)
		}
		requests = append(requests, client.SubmitRequest{
			Key: demoKey(t), Queue: "demo", Capabilities: []string{t.Check}, Input: input,
			LeaseMS: demoLease.Milliseconds(), Labels: map[string]string{"check": t.Check},
			Retry: &client.Retry{MaxAttempts: 5, BackoffMS: 200},
		})
	}
	return requests, nil
}

// progress is how many of the demo's tasks are where.
type progress struct{ done, held, total int }

func (p progress) share() float64 { return float64(p.done) / float64(p.total) }

// follow shows the progress until every task is over, kills an agent and the
// mesh on the way, and starts others.
func (s *stage) follow(ctx context.Context) error {
	tick := time.NewTicker(demoTick)
	defer tick.Stop()
	done, doneAt := 0, time.Now()
	for {
		p, err := s.count(ctx)
		if p.done > done {
			done, doneAt = p.done, time.Now()
		}
		over := false
		if err == nil {
			s.live.show(s.progressText(p, time.Since(doneAt)))
			over, err = s.act(ctx, p)
		}
		if over || (err != nil && !client.IsUnavailable(err)) {
			return err
		}
		if s.mesh.ended() {
			return fmt.Errorf("the mesh ended by itself: %s", lastWords(filepath.Join(s.scratch, "mesh.log")))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// act does what is due at this point of the demo, and says when all is done.
func (s *stage) act(ctx context.Context, p progress) (over bool, err error) {
	switch {
	case s.report.AgentsKilled == 0 && p.share() >= killAgentAt:
		return false, s.killAgent(ctx)
	case s.report.AgentsKilled > 0 && s.report.MeshKilled == 0 && p.share() >= killMeshAt:
		return false, s.killMesh(ctx)
	}
	return p.done >= p.total, nil
}

// progressText says how far the demo is, and why when it does not move.
func (s *stage) progressText(p progress, still time.Duration) string {
	text := fmt.Sprintf("%d of %d tasks done, %d at work, %d agents", p.done, p.total, p.held, len(s.agents))
	if still > demoPatience && s.report.AgentsKilled > 0 {
		text += "; the killed agent's tasks wait until it counts as lost"
	}
	return text
}

// count asks how many tasks are where.
func (s *stage) count(ctx context.Context) (progress, error) {
	counts, err := s.client.Counts(ctx, "")
	p := progress{total: len(s.ids)}
	for _, c := range counts.Now {
		switch {
		case final(c.Status):
			p.done += int(c.Tasks)
		case c.Status != "waiting":
			p.held += int(c.Tasks)
		}
	}
	return p, err
}

// killAgent kills the agent that holds the most work, and starts another one
// in its place.
func (s *stage) killAgent(ctx context.Context) error {
	page, err := s.client.Agents(ctx, client.ListOptions{Limit: 100})
	if err != nil {
		return err
	}
	load := map[string]int{}
	for _, agent := range page.Items {
		load[agent.Name] = agent.Load
	}
	victim := 0
	for i, agent := range s.agents {
		if load[agent.name] > load[s.agents[victim].name] {
			victim = i
		}
	}
	old := s.agents[victim]
	old.kill()
	s.report.AgentsKilled++
	s.live.say("Killed agent %s (process %d) with SIGKILL, %d tasks in its hands", old.name, old.process.Pid, load[old.name])
	s.agents = append(s.agents[:victim], s.agents[victim+1:]...)
	return s.startAgent(old.name+"-again", old.capabilities, old.capacity)
}

// killMesh kills the mesh and starts it again on the same data.
func (s *stage) killMesh(ctx context.Context) error {
	s.mesh.kill()
	s.report.MeshKilled++
	s.live.say("Killed the mesh (process %d) with SIGKILL", s.mesh.process.Pid)
	return s.startMesh(ctx)
}

// demoKey is the idempotency key of a piece of work. A path of any length
// fits, since it is hashed.
func demoKey(t demoTask) string {
	sum := sha256.Sum256([]byte(t.Check + "\x00" + t.Path))
	return "demo-" + hex.EncodeToString(sum[:16])
}
