package crash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hivemesh/hivemesh/client"
	"github.com/hivemesh/hivemesh/embedded/embeddedtest"
)

// smallDisk is a disk of a few MiB in memory, which only processes started on
// it see. A shell that waits holds it.
type smallDisk struct {
	t      *testing.T
	holder *process
	data   string // a data directory for "mesh up"
}

// newSmallDisk mounts the disk, or skips the test where that is not allowed.
func newSmallDisk(ctx context.Context, t *testing.T, mib int) *smallDisk {
	t.Helper()
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("there is no nsenter to start a mesh on a disk of its own")
	}
	data := filepath.Join(publicDir(t), "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `mount -t tmpfs -o size=$1m,mode=755 mesh-test "$2" || exit 77; echo mounted; exec cat`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", strconv.Itoa(mib), data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	hold, err := cmd.StdinPipe() // closed, it ends the holder; so does the end of the test
	if err != nil {
		t.Fatal(err)
	}
	d := &smallDisk{t: t, data: data}
	d.holder, err = launch(cmd)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this user may not make a mount namespace")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hold.Close(); d.holder.finish(t) })
	eventually(ctx, t, "the disk is mounted", func() error {
		select {
		case <-d.holder.gone:
			t.Skipf("this user may not mount a disk: %s", d.holder.log)
		default:
		}
		if !strings.Contains(d.holder.log.String(), "mounted") {
			return errors.New("not yet")
		}
		return nil
	})
	return d
}

// path returns where the test sees a file of the data directory.
func (d *smallDisk) path(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", d.holder.cmd.Process.Pid), d.data, name)
}

// up runs "mesh up" on the disk and returns when it is up.
func (d *smallDisk) up(ctx context.Context, args ...string) *node {
	d.t.Helper()
	argv := []string{
		fmt.Sprintf("--mount=/proc/%d/ns/mnt", d.holder.cmd.Process.Pid), "--",
		meshBinary(d.t), "up", "--data", d.data, "--http", "127.0.0.1:0", "--nats-port", "0",
	}
	cmd := exec.Command("nsenter", append(argv, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p, err := launch(cmd)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { p.finish(d.t) })
	var address, token []byte
	eventually(ctx, d.t, "the mesh is up", func() error {
		p.mustRun(d.t)
		var err1, err2 error
		address, err1 = os.ReadFile(d.path("mesh.url"))
		token, err2 = os.ReadFile(d.path("admin.token"))
		return errors.Join(err1, err2)
	})
	n := newNode(d.t, p, strings.TrimSpace(string(address)), string(token))
	n.ready(ctx, d.t)
	return n
}

// fill takes all room on the disk; free gives it back.
func (d *smallDisk) fill() (free func()) {
	d.t.Helper()
	path := d.path("ballast")
	f, err := os.Create(path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close() // what it holds does not matter
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err = f.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("fill the disk: %v", err)
	}
	return func() {
		d.t.Helper()
		if err := os.Remove(path); err != nil {
			d.t.Fatal(err)
		}
	}
}

// TestPostgresOnAFullDisk fills the disk of Postgres alone: commands and
// agents go on, nothing is parked, and reads recover when there is room.
func TestPostgresOnAFullDisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := newSite(t, "", 0)
	disk := newSmallDisk(ctx, t, 192)
	n := disk.up(ctx, "--nats", s.natsURL())
	n.agent(t, "undisturbed")
	f := follow(t, n.client)
	j, stop := startLoad(ctx, t, n.client)
	f.await(ctx, t, "task.completed", time.Time{}, 50)

	free := disk.fill()
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
	var refusal *client.Error // while Postgres lives, it reads
	if _, err := n.client.Tasks(ctx, client.ListOptions{Limit: 1}); err != nil && (!errors.As(err, &refusal) || refusal.Code != "postgres_full") {
		t.Errorf("a read: %v", err)
	}
	eventually(ctx, t, "readiness says that the read models stand, and why", func() error {
		// Postgres ends when its own log has no room, and cannot say so; the reason stays the same.
		c, pg := n.check(ctx, t, "projections"), n.check(ctx, t, "postgres")
		if c.OK || !strings.Contains(c.Detail, "disk") || !strings.Contains(c.Detail, "is full") {
			return fmt.Errorf("projections: %+v", c)
		}
		if !pg.OK && !strings.Contains(pg.Detail, "disk is full") {
			return fmt.Errorf("postgres: %+v", pg)
		}
		return nil
	})

	free()
	end := f.last().Seq
	t.Logf("read models have caught up %s after there was room", n.caughtUp(ctx, t, end).Round(time.Millisecond))
	stop()
	j.check(ctx, t, n.client) // nothing is parked, too
}

// TestLogOnAFullDisk fills the disk of the log alone: commands are refused,
// reads go on, and after a restart with room everything does. The mesh refuses
// before it asks the NATS server, which does not recover from a full disk.
func TestLogOnAFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	postgres := embeddedtest.PostgresURL(t)
	disk := newSmallDisk(ctx, t, 256)
	n := disk.up(ctx, "--pg", postgres)
	j := &journal{acked: map[string]client.Receipt{}}
	for i := range 20 {
		key := fmt.Sprintf("before-%d", i)
		receipt, err := n.client.Submit(ctx, client.SubmitRequest{Key: key, Capabilities: []string{"work"}})
		if err != nil {
			t.Fatal(err)
		}
		j.acked[key] = receipt
	}
	free := disk.fill()
	refused := make(chan client.Problem, 1)
	go func() { refused <- n.submitLarge(ctx, t) }()
	mustRead(ctx, t, n, len(j.acked))
	problem := <-refused
	if problem.Status != http.StatusServiceUnavailable || problem.Code != "log_full" {
		t.Errorf("a command on a full disk: %+v", problem)
	}
	mustRead(ctx, t, n, len(j.acked))
	if c := n.check(ctx, t, "disk"); !c.Warn {
		t.Errorf("readiness does not warn of a full disk: %+v", c)
	}
	if c := n.check(ctx, t, "log"); c.OK || !strings.Contains(c.Detail, "disk is full") {
		t.Errorf("readiness does not say that the log has no room: %+v", c)
	}

	free()
	if err := n.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	n = disk.up(ctx, "--pg", postgres)
	n.agent(t, "latecomer")
	j.check(ctx, t, n.client)
}

// submitLarge submits a task of 200 KB once and returns the refusal.
func (n *node) submitLarge(ctx context.Context, t *testing.T) (p client.Problem) {
	t.Helper()
	body := `{"key":"large","capabilities":["work"],"input":"` + strings.Repeat("x", 200<<10) + `"}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.client.URL()+"/v1/tasks", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return p
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+n.token)
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return p
	}
	defer res.Body.Close() // only read from
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		t.Error(err)
	}
	t.Logf("answered after %s: %d %s: %s", time.Since(began).Round(time.Millisecond), p.Status, p.Code, p.Detail)
	return p
}
