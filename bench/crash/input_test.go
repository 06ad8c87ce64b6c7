package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// The exit codes that these tests meet; mesh help exit-codes has all.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitConflict    = 4
	exitUnavailable = 6
)

// refusal is how the binary tells why it does not start.
type refusal struct {
	Exit    int    `json:"exit"`
	Code    string `json:"code"`
	Field   string `json:"field"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// refuse runs the binary, which must end by itself with a reason.
func refuse(t *testing.T, args ...string) refusal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, meshBinary(t), append(args, "-o", "json")...)
	var said strings.Builder
	cmd.Stderr = &said
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("it ended with %v: %s", err, said.String())
	}
	var last struct{ Error refusal }
	for line := range strings.Lines(said.String()) { // log lines are JSON, too, and their errors are text
		var told struct{ Error refusal }
		if json.Unmarshal([]byte(line), &told) == nil && told.Error.Message != "" {
			last = told
		}
	}
	if last.Error.Exit != exit.ExitCode() {
		t.Errorf("exit %d, and it says: %s", exit.ExitCode(), said.String())
	}
	t.Logf("%+v", last.Error)
	return last.Error
}

// want checks the exit code, and that the user is told all of what.
func (r refusal) want(t *testing.T, exit int, what ...string) {
	t.Helper()
	if r.Exit != exit {
		t.Errorf("exit %d, want %d: %+v", r.Exit, exit, r)
	}
	for _, w := range what {
		if !strings.Contains(r.Message+" "+r.Hint, w) {
			t.Errorf("it does not say %q: %+v", w, r)
		}
	}
}

// TestRefusesDriftedStream starts on a log whose configuration breaks a promise.
func TestRefusesDriftedStream(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := newSite(t, embeddedtest.PostgresURL(t), 0)
	s.makeDriftedStream(ctx)
	r := refuse(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--nats", s.natsURL(), "--pg", s.postgres)
	r.want(t, exitFailed, "EVENTS", "deny_delete")
}

// makeDriftedStream makes the log as somebody would who does not know better.
func (s *site) makeDriftedStream(ctx context.Context) {
	s.t.Helper()
	nc, err := s.server.Connect(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"ev.>"}, Discard: jetstream.DiscardNew, AllowDirect: true, AllowAtomicPublish: true,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestRefusesPostgresWithoutVector starts with a server that has no pgvector.
func TestRefusesPostgresWithoutVector(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	postgres := embeddedtest.PostgresURL(t)
	c, err := pgx.Connect(ctx, postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx) // everything has been answered
	var name string
	if err := c.QueryRow(ctx, "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "DROP EXTENSION vector"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "ALTER DATABASE "+pgx.Identifier{name}.Sanitize()+" SET extension_control_path = '/nowhere'"); err != nil {
		t.Skipf("this Postgres cannot hide its extensions, which 18 can: %v", err)
	}
	s := newSite(t, postgres, 0)
	r := refuse(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--nats", s.natsURL(), "--pg", s.postgres)
	r.want(t, exitFailed, "pgvector", "install")
}

// TestRefusesWhatIsInUse starts a second mesh in the place of a running one.
func TestRefusesWhatIsInUse(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := newRig(t)
	r.startMesh()
	r.ready(ctx, r.client(ctx))
	postgres := embeddedtest.PostgresURL(t)
	pid := strconv.Itoa(r.mesh.cmd.Process.Pid)

	t.Run("data directory", func(t *testing.T) {
		got := refuse(t, "up", "--data", r.data, "--http", "127.0.0.1:0", "--nats-port", "0", "--pg", postgres)
		got.want(t, exitConflict, r.data, "in use by another mesh", pid, "choose another data directory")
	})
	t.Run("HTTP port", func(t *testing.T) {
		got := refuse(t, "up", "--data", filepath.Join(t.TempDir(), "data"), "--http", "127.0.0.1:"+r.http, "--nats-port", "0", "--pg", postgres)
		got.want(t, exitConflict, "127.0.0.1:"+r.http, "--http")
	})
	t.Run("NATS port", func(t *testing.T) {
		got := refuse(t, "up", "--data", filepath.Join(t.TempDir(), "data"), "--http", "127.0.0.1:0", "--nats-port", r.nats, "--pg", postgres)
		got.want(t, exitConflict, "127.0.0.1:"+r.nats, "choose another port")
	})
}

// TestRefusesWhatItCannotReach starts without a NATS, and without a Postgres given.
func TestRefusesWhatItCannotReach(t *testing.T) {
	nowhere := freePort(t)
	r := refuse(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--nats", "nats://127.0.0.1:"+nowhere, "--pg", "postgres://127.0.0.1/x")
	r.want(t, exitUnavailable, "NATS", "--nats")
	r = refuse(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--nats", "nats://127.0.0.1:"+nowhere)
	r.want(t, exitUsage, "--pg")
}
