package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// What the demo does, and when.
const (
	demoTick      = 50 * time.Millisecond
	demoLease     = 30 * time.Second // of a task: the agent is found dead before it ends
	demoPatience  = 2 * time.Second  // without a task done before the user is told why
	killAgentAt   = 0.25             // share of the tasks that are done
	killMeshAt    = 0.50
	meshStartTime = 3 * time.Minute // the first start may have to unpack Postgres
)

// stage is the running demo: a mesh, its agents, and what happened to them.
type stage struct {
	app     *app
	scratch string
	live    *live
	client  *client.Client
	ports   [2]int // HTTP and NATS; the same after a restart
	mesh    *child
	agents  []*demoAgent
	ids     []string // of the tasks that the mesh acknowledged
	report  demoReport
}

// demoAgent is an agent of the demo, a child process.
type demoAgent struct {
	*child
	capabilities []string
	capacity     int
}

// play runs the demo from the start of the mesh to the report.
func (s *stage) play(ctx context.Context, plan demoPlan) (demoReport, error) {
	s.live.say("Scratch mesh in %s; working on %d files of %s%s", s.scratch, plan.files, plan.root, cutText(plan))
	if err := s.startMesh(ctx); err != nil {
		return s.report, err
	}
	if err := s.startAgents(plan.needs()); err != nil {
		return s.report, err
	}
	if err := s.submit(ctx, plan); err != nil {
		return s.report, err
	}
	if err := s.follow(ctx); err != nil {
		return s.report, err
	}
	s.live.show("reading the results back")
	s.report.Files = plan.files
	if err := s.collect(ctx); err != nil {
		return s.report, err
	}
	s.live.show("rebuilding every read model to compare it with the live one")
	verified, err := verifyAll(ctx, s.client, nil)
	s.live.end()
	s.report.Verified = verified
	return s.report, err
}

func cutText(plan demoPlan) string {
	if plan.cut {
		return " (there are more: --max-files)"
	}
	return ""
}

// startMesh starts the mesh as a process of its own and waits until it is ready.
func (s *stage) startMesh(ctx context.Context) error {
	data := filepath.Join(s.scratch, "data")
	for i := range s.ports {
		if s.ports[i] != 0 {
			continue
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		s.ports[i] = port
	}
	address := "127.0.0.1:" + strconv.Itoa(s.ports[0])
	var err error
	s.mesh, err = startChild(s.app, s.scratch, "mesh", "up", "--data", data, "--http", address, "--nats-port", strconv.Itoa(s.ports[1]))
	if err != nil {
		return err
	}
	began := time.Now()
	s.live.show("the mesh is starting")
	if err := s.awaitReady(ctx, data, "http://"+address); err != nil {
		return err
	}
	s.live.say("The mesh (process %d) is ready after %s at http://%s", s.mesh.process.Pid, span(time.Since(began)), address)
	return nil
}

// awaitReady waits until the mesh says that all of it is ready.
func (s *stage) awaitReady(ctx context.Context, data, url string) error {
	ctx, cancel := context.WithTimeout(ctx, meshStartTime)
	defer cancel()
	tick := time.NewTicker(demoTick)
	defer tick.Stop()
	last := "it does not answer"
	for {
		if s.mesh.ended() {
			return fmt.Errorf("the mesh did not start: %s", lastWords(filepath.Join(s.scratch, "mesh.log")))
		}
		token, err := readLine(filepath.Join(data, tokenFile))
		if err != nil {
			return err
		}
		s.client, err = client.New(client.Config{URL: url, Token: token})
		if err != nil {
			return fmt.Errorf("make a client: %w", err)
		}
		ready, err := s.client.Ready(ctx)
		if err == nil && ready.Ready && token != "" {
			return nil
		}
		if err == nil {
			last = unready(ready)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the mesh (%s): %w", last, ctx.Err())
		case <-tick.C:
		}
	}
}

// unready lists what is not ready.
func unready(r client.Readiness) string {
	var parts []string
	for _, c := range r.Checks {
		if !c.OK {
			parts = append(parts, c.Name+": "+c.Detail)
		}
	}
	return strings.Join(parts, "; ")
}

// startAgents starts one agent for each check, and a second one for the two
// most frequent, so that there are at least four.
func (s *stage) startAgents(checks []string) error {
	for _, check := range checks {
		capacity := 2
		if check == "vet" {
			capacity = 1
		}
		if err := s.startAgent("demo-"+check, []string{check}, capacity); err != nil {
			return err
		}
	}
	for i := len(s.agents); i < 4; i++ {
		check := checks[i%len(checks)]
		if err := s.startAgent(fmt.Sprintf("demo-%s-%d", check, i), []string{check}, 2); err != nil {
			return err
		}
	}
	s.report.Agents = len(s.agents)
	return nil
}

// startAgent starts "mesh agent run" with this program's worker.
func (s *stage) startAgent(name string, capabilities []string, capacity int) error {
	worker, err := selfCommand("demo-worker", capabilities[0])
	if err != nil {
		return err
	}
	args := []string{
		"agent", "run", "--data", filepath.Join(s.scratch, "data"), "--name", name,
		"--capability", strings.Join(capabilities, ","), "--capacity", strconv.Itoa(capacity), "--drain-timeout", "2s", "--",
	}
	c, err := startChild(s.app, s.scratch, name, append(args, worker...)...)
	if err != nil {
		return err
	}
	s.agents = append(s.agents, &demoAgent{child: c, capabilities: capabilities, capacity: capacity})
	s.live.say("Agent %s (process %d) can %s", name, c.process.Pid, strings.Join(capabilities, ", "))
	return nil
}

// submit submits a task for every piece of work, and remembers what was acknowledged.
func (s *stage) submit(ctx context.Context, plan demoPlan) error {
	for start := 0; start < len(plan.tasks); start += maxBatch {
		requests, err := demoRequests(plan.tasks[start:min(start+maxBatch, len(plan.tasks))])
		if err != nil {
			return err
		}
		results, err := s.client.SubmitBatch(ctx, requests)
		if err != nil {
			return fmt.Errorf("submit the tasks: %w", err)
		}
		for i, r := range results {
			if r.Error != nil {
				return fmt.Errorf("submit %s of %s: %s", plan.tasks[start+i].Check, plan.tasks[start+i].Path, problemText(*r.Error))
			}
			s.ids = append(s.ids, r.ID)
		}
	}
	s.report.Tasks = len(s.ids)
	s.live.say("%d tasks are submitted and acknowledged", len(s.ids))
	return nil
}

// stop ends all children: agents first, the mesh last. After an interrupt it
// does not let the agents drain.
func (s *stage) stop(interrupted bool) {
	s.live.end()
	var all sync.WaitGroup
	for _, agent := range s.agents {
		if interrupted {
			all.Go(agent.kill)
		} else {
			all.Go(agent.stop)
		}
	}
	all.Wait()
	if s.mesh != nil {
		s.mesh.stop()
	}
}
