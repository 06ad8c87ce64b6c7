package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// peer runs the same no-op jobs through River, on the Postgres of a mesh.
type peer struct {
	program        string // "" when the peer is left out
	pg             string
	rate, p50, p99 sample
}

// newPeer builds the peer's program and makes it a database. A peer that
// cannot be had is left out, which the report shows by having no ratio.
func newPeer(ctx context.Context, o Options, m *Mesh) *peer {
	program, err := buildPeer(ctx, o)
	if err == nil {
		var pg string
		if pg, err = peerDatabase(ctx, m.PG); err == nil {
			return &peer{program: program, pg: pg}
		}
	}
	o.Progress("River is left out: " + err.Error())
	return &peer{}
}

func buildPeer(ctx context.Context, o Options) (string, error) {
	if _, err := os.Stat(filepath.Join(o.Peers, "go.mod")); errors.Is(err, fs.ErrNotExist) || o.Peers == "" {
		return "", fmt.Errorf("no source in %q", o.Peers)
	}
	program, err := filepath.Abs(filepath.Join(o.Dir, "peers"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir = o.Peers
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build it: %w: %s", err, out)
	}
	return program, nil
}

// peerDatabase makes an empty database beside that of the mesh.
func peerDatabase(ctx context.Context, url string) (string, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return "", err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing was left undone
	for _, sql := range []string{"DROP DATABASE IF EXISTS river", "CREATE DATABASE river"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("postgres://%s:%s@%s:%d/river?sslmode=disable", cfg.User, cfg.Password, cfg.Host, cfg.Port), nil
}

// run does the jobs once and keeps the figures.
func (p *peer) run(ctx context.Context, jobs, callers, slots int, backlog bool) error {
	if p.program == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, p.program, "--pg", p.pg, "--jobs", strconv.Itoa(jobs), "--callers", strconv.Itoa(callers),
		"--slots", strconv.Itoa(slots), "--backlog="+strconv.FormatBool(backlog))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run River: %w", err)
	}
	var figures struct {
		PerSecond float64 `json:"per_second"`
		P50       float64 `json:"p50_ms"`
		P99       float64 `json:"p99_ms"`
	}
	if err := json.Unmarshal(out, &figures); err != nil {
		return fmt.Errorf("read River's figures: %w", err)
	}
	p.rate, p.p50, p.p99 = append(p.rate, figures.PerSecond), append(p.p50, figures.P50), append(p.p99, figures.P99)
	return nil
}
