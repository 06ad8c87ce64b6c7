package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestInterrupted sends SIGINT to commands while the mesh lets them wait: each
// says just that it was interrupted, with the exit code for it.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	lets := map[string]func(w http.ResponseWriter, r *http.Request){
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"stops in its answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"items":[`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"busy": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"title":"busy","status":503,"detail":"busy"}`))
		},
	}
	for name, answer := range lets {
		for _, command := range []string{
			"task ls", "task show 0197f2c0-0000-7000-8000-000000000000", "task submit -c x --input 1", "task cancel 0197f2c0",
			"task wait 0197f2c0", "event tail", "agent ls", "doctor",
		} {
			if name == "busy" && command == "doctor" {
				continue // takes that for an answer, and may have ended before it is interrupted
			}
			t.Run(name+"/"+command, func(t *testing.T) {
				t.Parallel()
				mustBeInterrupted(t, answer, strings.Fields(command))
			})
		}
	}
}

func mustBeInterrupted(t *testing.T, answer http.HandlerFunc, args []string) {
	t.Helper()
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body) // only then it is seen that the client has gone
		answer(w, r)
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	cmd := exec.CommandContext(t.Context(), "mesh", args...)
	cmd.Env = append(os.Environ(), "MESH_URL="+server.URL, "MESH_TOKEN=mesh_x", "MESH_DATA="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	err := cmd.Wait()
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || stderr.String() != "mesh: interrupted\n" {
		t.Errorf("ended with %v: %s", err, stderr.String())
	}
}
