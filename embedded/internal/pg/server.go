package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	startAttempts    = 5
	attemptPause     = 300 * time.Millisecond
	readyPoll        = 10 * time.Millisecond
	stopPoll         = 20 * time.Millisecond
	outputWait       = 10 * time.Second // for the last child to close its standard error
	leftoverPatience = 30 * time.Second
)

// Server is a running postmaster that is our child. It ends with us, also
// when we are killed (on Linux; elsewhere the next start stops it).
type Server struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the postmaster and its children are gone
}

// Start stops what an earlier run may have left of this cluster, starts the
// server on the port of last time or a free one, sets c.Port, and returns when
// it answers. Recovery after a crash may
// take long: ctx decides how long. The server's log lines go to log.
func (c *Cluster) Start(ctx context.Context, log *Log) (*Server, error) {
	if err := c.stopLeftover(ctx); err != nil {
		return nil, err
	}
	var err error
	for range startAttempts { // a port may be lost, or a dead server's memory still held
		if err = c.choosePort(); err != nil {
			return nil, err
		}
		var s *Server
		if s, err = c.startOnce(ctx, log); err == nil {
			c.pinned = true
			return s, nil
		}
		var exit *exitedError
		if !errors.As(err, &exit) || !pause(ctx, attemptPause) {
			break
		}
	}
	return nil, fmt.Errorf("start PostgreSQL in %s: %w%s", c.Dir, err, lastLines(log.Tail(), 4))
}

// exitedError says that the server ended while it was starting.
type exitedError struct{ status string }

func (e *exitedError) Error() string { return "the server ended: " + e.status }

func (c *Cluster) startOnce(ctx context.Context, log io.Writer) (*Server, error) {
	s, err := launch(c.command(context.WithoutCancel(ctx), "postgres", append([]string{"-D", c.data()}, c.serverOptions()...)...), log)
	if err != nil {
		return nil, err
	}
	if err := c.awaitReady(ctx, s.exited); err != nil {
		select {
		case <-s.exited:
			return nil, &exitedError{s.cmd.ProcessState.String()}
		default:
			return nil, errors.Join(err, s.Kill())
		}
	}
	return s, nil
}

// launch starts cmd and waits for its end on one thread, which lives as long
// as the child does: the kernel signals the child when that thread ends.
func launch(cmd *exec.Cmd, log io.Writer) (*Server, error) {
	cmd.Stderr = log
	cmd.WaitDelay = outputWait
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for us: we stop the server when we are done with it
	endWithParent(cmd.SysProcAttr)
	s := &Server{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in ProcessState
		close(s.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return s, nil
}

// awaitReady polls until the server takes a connection.
func (c *Cluster) awaitReady(ctx context.Context, exited <-chan struct{}) error {
	config, err := pgconn.ParseConfig(c.URL("postgres"))
	if err != nil {
		return err
	}
	for {
		conn, err := pgconn.ConnectConfig(ctx, config)
		if err == nil {
			return conn.Close(ctx)
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code != startingUp {
			return err
		}
		select {
		case <-exited:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyPoll):
		}
	}
}

const startingUp = "57P03" // cannot_connect_now

// Exited is closed when the server is gone, for whatever reason.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Stop ends all sessions and stops the server in order. When ctx ends first
// the server is told to drop everything, which costs a recovery at the next
// start, and ctx's error is returned.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.signal(syscall.SIGINT); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	select {
	case <-s.exited:
		return nil
	case <-ctx.Done():
	}
	return errors.Join(fmt.Errorf("stop PostgreSQL: %w", ctx.Err()), s.Kill())
}

// Kill ends the server as a crash would and waits until its processes are
// gone.
func (s *Server) Kill() error {
	if err := s.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	<-s.exited
	return nil
}

// signal tells the postmaster; a server that is gone is no error.
func (s *Server) signal(sig syscall.Signal) error {
	select {
	case <-s.exited:
		return nil
	default:
		return ignoreGone(s.cmd.Process.Signal(sig))
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
