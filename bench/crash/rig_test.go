package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
)

// rig is a mesh and its agents as processes of their own.
type rig struct {
	t      *testing.T
	binary string
	data   string
	http   string
	nats   string

	mu     sync.Mutex
	mesh   *process
	agents map[string]*process
}

// process is a running child whose end can be waited for.
type process struct {
	cmd  *exec.Cmd
	log  *syncBuffer
	gone chan struct{}
}

// syncBuffer keeps the end of what a child says.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b.Len() > 1<<20 {
		s.b.Next(s.b.Len() / 2)
	}
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // a Postgres that dropped its rights must get through
		t.Fatal(err)
	}
	r := &rig{t: t, binary: meshBinary(t), data: filepath.Join(dir, "data"), agents: map[string]*process{}}
	r.http, r.nats = freePort(t), freePort(t)
	t.Cleanup(r.stop)
	return r
}

// freePort returns a port that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // nothing has used it
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (r *rig) start(args ...string) *process {
	r.t.Helper()
	cmd := exec.Command(r.binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p, err := launch(cmd)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// launch starts cmd as a process whose output is kept.
func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, log: &syncBuffer{}, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // killed on purpose, mostly
		close(p.gone)
	}()
	return p, nil
}

// end signals a process and waits until it is gone.
func (p *process) end(sig syscall.Signal) error {
	_ = p.cmd.Process.Signal(sig) // it may be gone already
	select {
	case <-p.gone:
		return nil
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("process %d did not end on %s", p.cmd.Process.Pid, sig)
	}
}

func (r *rig) startMesh() {
	r.t.Helper()
	p := r.start("up", "--data", r.data, "--http", "127.0.0.1:"+r.http, "--nats-port", r.nats, "--log", "warn")
	r.mu.Lock()
	r.mesh = p
	r.mu.Unlock()
}

func (r *rig) startAgent(name string) {
	r.t.Helper()
	p := r.start("agent", "run", "--data", r.data, "--url", r.url(), "--name", name, "--capability", "work", "--capacity", "4", "--", "cat")
	r.mu.Lock()
	r.agents[name] = p
	r.mu.Unlock()
}

func (r *rig) url() string { return "http://127.0.0.1:" + r.http }

// client waits for the credential of the first start and returns a client.
func (r *rig) client(ctx context.Context) *client.Client {
	r.t.Helper()
	var token []byte
	eventually(ctx, r.t, "the credential is there", func() error {
		var err error
		token, err = os.ReadFile(filepath.Join(r.data, "admin.token"))
		return err
	})
	c, err := client.New(client.Config{URL: r.url(), Token: strings.TrimSpace(string(token))})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

// ready waits until the mesh answers everything.
func (r *rig) ready(ctx context.Context, c *client.Client) {
	r.t.Helper()
	eventually(ctx, r.t, "the mesh is ready", func() error {
		select {
		case <-r.mesh.gone:
			return errors.New("the mesh is gone: " + r.mesh.log.String())
		default:
		}
		ready, err := c.Ready(ctx)
		if err != nil {
			return err
		}
		if !ready.Ready {
			return fmt.Errorf("%+v", ready.Checks)
		}
		return nil
	})
}

// killPostgres kills the postmaster of the mesh, if one runs.
func (r *rig) killPostgres() {
	files, err := filepath.Glob(filepath.Join(r.data, "postgres", "*", "postmaster.pid"))
	if more, err2 := filepath.Glob(filepath.Join(r.data, "postgres", "postmaster.pid")); err2 == nil {
		files = append(files, more...)
	}
	if err != nil || len(files) == 0 {
		return
	}
	f, err := os.Open(files[0])
	if err != nil {
		return
	}
	defer f.Close() // only read from
	lines := bufio.NewScanner(f)
	if !lines.Scan() {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(lines.Text())); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (r *rig) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.agents {
		_ = p.end(syscall.SIGKILL)
	}
	if r.mesh == nil {
		return
	}
	if err := r.mesh.end(syscall.SIGTERM); err != nil {
		r.t.Error(err)
	}
	if r.t.Failed() {
		r.t.Logf("the mesh said:\n%s", r.mesh.log)
	}
}

// eventually tries until it succeeds, or ctx ends.
func eventually(ctx context.Context, t *testing.T, what string, try func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not in time: %v", what, err)
		}
	}
}
