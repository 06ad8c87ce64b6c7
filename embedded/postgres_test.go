package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"github.com/hivemesh/hivemesh/embedded"
)

func startPostgres(t *testing.T, dir string) *embedded.Postgres {
	t.Helper()
	p, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{
		Dir: dir, Log: zerolog.Nop(), Progress: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(context.Background()) })
	return p
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	text, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(text, ",")
}

func TestPostgresKeepsDataOverStopAndKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startPostgres(t, dir)
	query(t, first.URL(), "CREATE TABLE kept AS SELECT '[1,2,3]'::halfvec(3) AS v")
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := startPostgres(t, dir)
	if second.URL() != first.URL() {
		t.Errorf("the address changed: %s", second.URL())
	}
	query(t, second.URL(), "INSERT INTO kept VALUES ('[4,5,6]')")
	if err := second.Kill(); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), second.URL()); err == nil {
		_ = conn.Close(t.Context())
		t.Error("killed, and it still answers")
	}
	third := startPostgres(t, dir)
	if got := query(t, third.URL(), "SELECT v::text FROM kept ORDER BY v::text"); got != "[1,2,3],[4,5,6]" {
		t.Errorf("got %s", got)
	}
}

func TestPostgresComesBackAfterACrash(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, t.TempDir())
	for range 2 {
		if err := p.Crash(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(30 * time.Second)
		for {
			conn, err := pgx.Connect(t.Context(), p.URL())
			if err == nil {
				_ = conn.Close(t.Context())
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("not back: %v", err)
			}
		}
	}
}

func TestRunningPostgres(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startPostgres(t, dir)
	for name, want := range map[string]string{
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "jit": "off", "fsync": "on", "synchronous_commit": "on",
		"password_encryption": "scram-sha-256", "server_encoding": "UTF8", "shared_buffers": "256MB", "TimeZone": "UTC",
	} {
		if got := query(t, p.URL(), "SHOW "+name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := query(t, p.URL(), "SELECT lower('ÄÉ')"); got != "äé" && !strings.HasPrefix(p.Version(), "15") && !strings.HasPrefix(p.Version(), "16") {
		t.Errorf("lower: %s", got)
	}
	if !strings.Contains(p.Version(), "pgvector 0.") {
		t.Errorf("version: %s", p.Version())
	}
	t.Run("second mesh", func(t *testing.T) {
		_, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir})
		if !errors.Is(err, embedded.ErrDirInUse) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		u, err := url.Parse(p.URL())
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("mesh", "wrong")
		if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
			_ = conn.Close(t.Context())
			t.Error("let in")
		}
	})
	t.Run("secrets", func(t *testing.T) {
		for name, want := range map[string]os.FileMode{"postgres": 0o700, "postgres/password": 0o600, "postgres/data": 0o700} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
			}
		}
	})
}

func TestPostgresTakesAnotherPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startPostgres(t, dir)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", hostOf(t, first.URL()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if second := startPostgres(t, dir); second.URL() == first.URL() {
		t.Error("the same address, though it is taken")
	}
}

func TestPostgresEndsWithKilledProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	if err := errors.Join(readErr, cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	dsn := strings.TrimSpace(line)
	if !strings.HasPrefix(dsn, "postgres://") {
		t.Fatalf("the victim said %q", dsn)
	}
	eventually(t, 20*time.Second, "PostgreSQL is gone", func() bool {
		_, err := os.Stat(filepath.Join(dir, "postgres/data/postmaster.pid"))
		return errors.Is(err, os.ErrNotExist)
	})
	if conn, err := net.Dial("tcp", hostOf(t, dsn)); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
	startPostgres(t, dir)
}

func hostOf(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
