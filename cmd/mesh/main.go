// Command mesh is Hivemesh: the server, its agents' runner and its command
// line, in one binary. Run "mesh --help" for the commands.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(mainCode())
}

// mainCode runs the command of this process and returns its exit code. The
// first interrupt ends the command in order; a second one ends it at once.
func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
}

// run carries out one command line and returns its exit code: see exitCodes.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env environ) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	err := a.dispatch(ctx, args)
	if err == nil {
		return exitOK
	}
	f := a.explain(ctx, err)
	a.report(f)
	return f.Exit
}
