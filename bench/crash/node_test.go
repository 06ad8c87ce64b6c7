package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded"
)

// Passwords of the NATS server of a site.
const (
	meshPassword  = "of-the-mesh"
	agentPassword = "of-the-agents"
)

// site is what the nodes of one mesh share: a NATS server, which lives in the
// test, and a Postgres.
type site struct {
	t        *testing.T
	rig      *rig
	config   embedded.NATSConfig
	server   *embedded.NATS
	postgres string
	token    string // the admin credential, once the first node has made it
}

// newSite starts the NATS server; maxStore limits it in bytes, 0 = not.
func newSite(t *testing.T, postgres string, maxStore int64) *site {
	t.Helper()
	s := &site{t: t, rig: &rig{t: t, binary: meshBinary(t)}, postgres: postgres, config: embedded.NATSConfig{
		Dir: t.TempDir(), Port: -1, MaxStore: maxStore, MeshPassword: meshPassword, AgentPassword: agentPassword, Log: zerolog.Nop(),
	}}
	s.startNATS()
	t.Cleanup(s.stopNATS)
	return s
}

// startNATS starts the server, from the second time on at the same port.
func (s *site) startNATS() {
	s.t.Helper()
	server, err := embedded.StartNATS(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := url.Parse(server.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	if s.config.Port, err = strconv.Atoi(u.Port()); err != nil {
		s.t.Fatal(err)
	}
	s.server = server
}

func (s *site) stopNATS() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.server.Stop(ctx); err != nil {
		s.t.Errorf("stop NATS: %v", err)
	}
}

// natsURL returns where the mesh finds NATS, with its password.
func (s *site) natsURL() string {
	return fmt.Sprintf("nats://mesh:%s@127.0.0.1:%d", meshPassword, s.config.Port)
}

// node is a "mesh serve" or "mesh up" process.
type node struct {
	*process
	client *client.Client
	token  string
}

// serve starts a node and returns when it serves.
func (s *site) serve(ctx context.Context) *node {
	s.t.Helper()
	p := s.rig.start("serve", "--data", s.t.TempDir(), "--http", "127.0.0.1:0", "--nats", s.natsURL(), "--pg", s.postgres,
		"--agent-nats", s.server.URL(), "--agent-user", "agent", "--agent-password", agentPassword)
	s.t.Cleanup(func() { p.finish(s.t) })
	var address string
	eventually(ctx, s.t, "the node serves", func() error {
		p.mustRun(s.t)
		address = p.said("serving")["url"]
		if address == "" {
			return fmt.Errorf("it has said: %s", p.log)
		}
		return nil
	})
	if _, token, made := strings.Cut(p.log.String(), "shown once: "); made {
		s.token, _, _ = strings.Cut(token, "\n")
	}
	return newNode(s.t, p, address, s.token)
}

func newNode(t *testing.T, p *process, address, token string) *node {
	t.Helper()
	token = strings.TrimSpace(token)
	c, err := client.New(client.Config{URL: address, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &node{process: p, client: c, token: token}
}

// said returns the text fields of the last log line with a message.
func (p *process) said(message string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(p.log.String()) {
		var raw map[string]any
		if json.Unmarshal([]byte(line), &raw) != nil || raw["message"] != message {
			continue
		}
		for name, v := range raw {
			fields[name] = fmt.Sprint(v)
		}
	}
	return fields
}

// mustRun ends the test when the process has ended.
func (p *process) mustRun(t *testing.T) {
	t.Helper()
	select {
	case <-p.gone:
		t.Fatalf("the process ended with %s: %s", p.cmd.ProcessState, p.log)
	default:
	}
}

// finish stops a process in order when the test is over.
func (p *process) finish(t *testing.T) {
	t.Helper()
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Logf("process %d said:\n%s", p.cmd.Process.Pid, p.log)
	}
}

// ready waits until everything that is not named works.
func (n *node) ready(ctx context.Context, t *testing.T, but ...string) {
	t.Helper()
	eventually(ctx, t, "the node is ready", func() error {
		n.mustRun(t)
		ready, err := n.client.Ready(ctx)
		if err != nil {
			return err
		}
		for _, c := range ready.Checks {
			if !c.OK && !c.Warn && !strings.Contains(" "+strings.Join(but, " ")+" ", " "+c.Name+" ") {
				return fmt.Errorf("%s: %s", c.Name, c.Detail)
			}
		}
		return nil
	})
}

// check returns one part of a node's readiness.
func (n *node) check(ctx context.Context, t *testing.T, name string) client.Check {
	t.Helper()
	ready, err := n.client.Ready(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range ready.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("readiness has no check %q: %+v", name, ready.Checks)
	return client.Check{}
}

// leads reports whether the node coordinates, as it says itself.
func (n *node) leads(ctx context.Context, t *testing.T) bool {
	t.Helper()
	name, _, _ := strings.Cut(n.check(ctx, t, "leader").Detail, ",")
	return strings.HasSuffix(name, "-"+strconv.Itoa(n.cmd.Process.Pid))
}

// agent runs an agent that answers with its input until the test ends.
func (n *node) agent(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		err := n.client.RunAgent(ctx, client.AgentConfig{
			Register: client.RegisterRequest{Name: name, Capabilities: []string{"work"}, Capacity: 4},
			Handler:  func(_ context.Context, w *client.Work) (any, error) { return w.Input, nil },
		})
		if err != nil {
			t.Errorf("agent %s: %v", name, err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

// publicDir returns a directory of the test that a Postgres which dropped its
// rights can get through to.
func publicDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
