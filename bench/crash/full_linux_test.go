package crash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// upOnSmallDisk runs "mesh up" with a data directory on a disk of so many MiB,
// which only it and its children see.
func upOnSmallDisk(ctx context.Context, t *testing.T, mib int, args ...string) *node {
	t.Helper()
	data := filepath.Join(publicDir(t), "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `mount -t tmpfs -o size=$1m,mode=755 mesh-test "$2" || exit 77; shift 2; exec "$@"`
	argv := append([]string{"-c", script, "sh", fmt.Sprint(mib), data, meshBinary(t), "up", "--data", data, "--http", "127.0.0.1:0", "--nats-port", "0"}, args...)
	cmd := exec.Command("/bin/sh", argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
	p, err := launch(cmd)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this user may not make a mount namespace")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.finish(t) })
	n := &node{process: p}
	var address, token []byte
	eventually(ctx, t, "the mesh is up", func() error {
		select {
		case <-p.gone:
			if p.cmd.ProcessState.ExitCode() == 77 {
				t.Skipf("this user may not mount a disk: %s", p.log)
			}
		default:
		}
		p.mustRun(t)
		var err1, err2 error
		address, err1 = os.ReadFile(filepath.Join(n.disk(data), "mesh.url"))
		token, err2 = os.ReadFile(filepath.Join(n.disk(data), "admin.token"))
		return errors.Join(err1, err2)
	})
	n = newNode(t, p, strings.TrimSpace(string(address)), string(token))
	n.ready(ctx, t)
	n.data = data
	return n
}

// disk returns where the test sees a directory that the node sees.
func (n *node) disk(dir string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", n.cmd.Process.Pid), dir)
}

// fillDisk takes all room on the node's disk; free gives it back.
func (n *node) fillDisk(t *testing.T) (free func()) {
	t.Helper()
	path := filepath.Join(n.disk(n.data), "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err = f.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPostgresOnAFullDisk fills the disk of Postgres alone: commands and
// agents go on, nothing is parked, and reads recover when there is room.
func TestPostgresOnAFullDisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := newSite(t, "", 0)
	n := upOnSmallDisk(ctx, t, 192, "--nats", s.natsURL())
	n.agent(t, "undisturbed")
	f := follow(t, n.client)
	j, stop := startLoad(ctx, t, n.client)
	f.await(ctx, t, "task.completed", time.Time{}, 50)

	free := n.fillDisk(t)
	full := time.Now()
	eventually(ctx, t, "Postgres meets the full disk", func() error {
		if !strings.Contains(n.log.String(), "53100") && !strings.Contains(n.log.String(), "No space left on device") {
			return errors.New("it has not complained")
		}
		return nil
	})
	t.Logf("Postgres met the full disk after %s", time.Since(full).Round(time.Millisecond))
	f.await(ctx, t, "task.completed", time.Now().Add(3*time.Second), 20)
	if gap := f.longestGap("task.completed", full); gap > 2*time.Second {
		t.Errorf("no task was completed for %s while the disk of Postgres was full", gap)
	}
	if _, err := n.client.Tasks(ctx, client.ListOptions{Limit: 1}); err != nil && !client.IsUnavailable(err) {
		t.Errorf("a read: %v", err)
	}
	t.Logf("postgres: %+v; projections: %+v", n.check(ctx, t, "postgres"), n.check(ctx, t, "projections"))

	free()
	end := f.last().Seq
	t.Logf("read models have caught up %s after there was room", n.caughtUp(ctx, t, end).Round(time.Millisecond))
	stop()
	j.check(ctx, t, n.client) // nothing is parked, too
}

// TestLogOnAFullDisk fills the disk of the log alone: commands are refused,
// reads go on, and after a restart with room everything does.
func TestLogOnAFullDisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n := upOnSmallDisk(ctx, t, 64, "--pg", embeddedtest.PostgresURL(t))
	j := &journal{acked: map[string]client.Receipt{}}
	for i := range 20 {
		key := fmt.Sprintf("before-%d", i)
		receipt, err := n.client.Submit(ctx, client.SubmitRequest{Key: key, Capabilities: []string{"work"}})
		if err != nil {
			t.Fatal(err)
		}
		j.acked[key] = receipt
	}
	free := n.fillDisk(t)
	refused := j.fill(ctx, t, n.client)
	mustSayFull(ctx, t, n.client)
	mustRead(ctx, t, n, len(j.acked))
	free()
	receipt, err := n.client.Submit(ctx, refused)
	if err != nil {
		t.Fatalf("the refused task, submitted again when there is room: %v", err)
	}
	j.acked[refused.Key] = receipt
	n.agent(t, "latecomer")
	j.check(ctx, t, n.client)
}
