// Command mesh-onnx serves a sentence model from a directory by OpenAI's
// protocol, for the embedder "openai" of mesh on the same machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hivemesh/hivemesh/memory/embed/onnx"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mesh-onnx:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets running requests finish for 10 s.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mesh-onnx", flag.ContinueOnError)
	flags.SetOutput(out)
	dir := flags.String("model", "", "`directory` with model.onnx and tokenizer.json")
	listen := flags.String("listen", "127.0.0.1:8089", "`address` to serve on; there is no login, so keep it on this machine")
	tokens := flags.Int("max-tokens", 0, "how many tokens of a text are read, 0 for what the model says")
	if err := flags.Parse(args); err != nil {
		return err
	}
	e, err := onnx.Open(*dir, *tokens)
	if err != nil {
		return err
	}
	defer e.Close()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "model %s, %d dimensions, at http://%s/v1\n", e.Model(), e.Dimensions(), l.Addr())
	s := &http.Server{Handler: onnx.Handler(e), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.Shutdown(last)
}
