package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// childStop is how long a child process may take to end in order.
const childStop = 30 * time.Second

// child is a process of this same program that the demo started.
type child struct {
	name    string
	process *os.Process
	done    chan struct{} // closed when it has ended
}

// startChild starts "mesh args…" with its output in a log file of its own. It
// gets no setting of this process's environment.
func startChild(a *app, scratch, name string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(scratch, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open a log: %w", err)
	}
	cmd := exec.Command(self) //nolint:noctx // it is ended with signals, in order
	cmd.Args = append([]string{"mesh"}, args...)
	cmd.Env = childEnv(a.env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownGroup(syscall.SIGTERM)
	c := &child{name: name, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel's signal at our end is bound to the thread; it ends with this goroutine
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() //nolint:errcheck // how it ended is in its log
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c.process = cmd.Process
	return c, nil
}

// childEnv is the environment without settings of mesh.
func childEnv(env environ) environ {
	var kept environ
	for _, kv := range env {
		if !strings.HasPrefix(kv, "MESH_") {
			kept = append(kept, kv)
		}
	}
	return kept
}

// kill ends the child the hard way and waits for its end.
func (c *child) kill() {
	c.process.Kill() //nolint:errcheck // ended is as wanted
	<-c.done
}

// stop ends the child in order, or the hard way when it takes too long.
func (c *child) stop() {
	c.process.Signal(syscall.SIGTERM) //nolint:errcheck // ended is as wanted
	select {
	case <-c.done:
	case <-time.After(childStop):
		c.kill()
	}
}

// ended reports whether the child has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// freePort returns a port of this machine that nothing listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // a TCP listener has a TCP address
}

// lastWords returns the last two lines of a log: an error and what to do.
func lastWords(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return oneLine(strings.Join(lines[max(0, len(lines)-2):], " "), 1000)
}
