package pg

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/domain"
)

func locate(t *testing.T) Installation {
	t.Helper()
	search, err := DefaultSearch(func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	in, err := Locate(t.Context(), search)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func openCluster(t *testing.T, in Installation, dir string) *Cluster {
	t.Helper()
	account, err := ServerAccount()
	if err != nil {
		t.Fatal(err)
	}
	if err := account.admit(filepath.Dir(filepath.Dir(in.Bin))); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCluster(t.Context(), in, dir, []string{"shared_buffers = 16MB"}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c *Cluster) *Server {
	t.Helper()
	s, err := c.Start(t.Context(), NewLog(zerolog.Nop()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

func TestStartStopsLeftoverServer(t *testing.T) {
	t.Parallel()
	c := openCluster(t, locate(t), filepath.Join(t.TempDir(), "cluster"))
	if err := c.StartDetached(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := pidOf(t, c)
	if !c.isPostmaster(left) {
		t.Fatalf("process %d is not taken for the server", left)
	}
	start(t, c)
	if c.isPostmaster(left) {
		t.Errorf("process %d still runs", left)
	}
	if now := pidOf(t, c); now == left {
		t.Error("the leftover was not replaced")
	}
}

// The pid file may name a process that has nothing to do with the server.
func TestStartSurvivesReusedPID(t *testing.T) {
	t.Parallel()
	c := openCluster(t, locate(t), filepath.Join(t.TempDir(), "cluster"))
	file := filepath.Join(c.data(), "postmaster.pid")
	text := strconv.Itoa(os.Getpid()) + "\n" + c.data() + "\n1\n1\n\n\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c)
}

func TestHalfMadeClusterIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cluster")
	if err := os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, openCluster(t, locate(t), dir))
}

func TestStartTellsWhy(t *testing.T) {
	t.Parallel()
	c := openCluster(t, locate(t), filepath.Join(t.TempDir(), "cluster"))
	conf, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conf.WriteString("no_such_setting = 1\n"); err != nil {
		t.Fatal(err)
	}
	if err := conf.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = c.Start(t.Context(), NewLog(zerolog.Nop()))
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
}

func TestClusterOutOfReach(t *testing.T) {
	t.Parallel()
	account, err := ServerAccount()
	if err != nil {
		t.Fatal(err)
	}
	if !account.drop {
		t.Skip("only root runs the server as another user")
	}
	private := t.TempDir()
	dir := filepath.Join(private, "a", "b")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	err = account.checkReach(dir, "data directory")
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.Invalid {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(e.Message, account.Name) || !strings.Contains(e.Message, filepath.Dir(private)) {
		t.Errorf("names neither user nor directory: %s", e.Message)
	}
	if err := account.admit(dir); err != nil {
		t.Fatal(err)
	}
	if err := account.checkReach(dir, "data directory"); err != nil {
		t.Errorf("scratch directories are let through: %v", err)
	}
}

func TestLogSplitsLinesAndKeepsTail(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	l := NewLog(zerolog.New(&out).Level(zerolog.WarnLevel))
	for _, piece := range []string{"LOG:  starting\nWARN", "ING:  odd\nFATAL:  session ended\nPANIC:  lost", "\n"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	want := `{"level":"warn","part":"postgres","message":"odd"}` + "\n" + `{"level":"error","part":"postgres","message":"lost"}` + "\n"
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
	if got := l.Tail(); got != "LOG:  starting\nWARNING:  odd\nFATAL:  session ended\nPANIC:  lost" {
		t.Errorf("tail: %s", got)
	}
}

func pidOf(t *testing.T, c *Cluster) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
