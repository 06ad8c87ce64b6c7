package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// apt is apt's own client with a state of its own: the system's lists, cache
// and package database are neither read nor written.
type apt struct {
	suite   suite
	work    string
	options []string
}

// newApt prepares the private state in work and fetches the suite's index.
func newApt(ctx context.Context, m machine, s suite, work string) (*apt, error) {
	key, err := archiveKey()
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("find the current user: %w", err)
	}
	a := &apt{suite: s, work: work}
	for _, dir := range []string{"lists/partial", "cache/archives/partial", "debs"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return nil, err
		}
	}
	source := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n", mirror(ctx), s.name, key)
	err = errors.Join(
		os.WriteFile(filepath.Join(work, "mesh.sources"), []byte(source), 0o644),
		os.WriteFile(filepath.Join(work, "status"), nil, 0o644))
	if err != nil {
		return nil, err
	}
	for _, o := range []string{
		"Dir::Etc::SourceList=" + filepath.Join(work, "mesh.sources"),
		"Dir::Etc::SourceParts=/dev/null",
		"Dir::State::Lists=" + filepath.Join(work, "lists"),
		"Dir::State::status=" + filepath.Join(work, "status"),
		"Dir::Cache=" + filepath.Join(work, "cache"),
		"APT::Sandbox::User=" + me.Username,
		"APT::Architecture=" + m.arch,
		"APT::Architectures=" + m.arch,
		"APT::Install-Recommends=false",
		"APT::Update::Error-Mode=any",
		"Acquire::Languages=none",
		"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"Acquire::http::Timeout=20",
		"Acquire::Retries=1",
	} {
		a.options = append(a.options, "-o", o)
	}
	if _, err := a.run(ctx, "-qq", "update"); err != nil {
		return nil, fmt.Errorf("fetch Debian's package index (is the network up?): %w", err)
	}
	return a, nil
}

// closure returns the names of all packages that are needed. An empty package
// database makes a simulated installation list every one of them.
func (a *apt) closure(ctx context.Context) ([]string, error) {
	out, err := a.run(ctx, append([]string{"--simulate", "install"}, a.suite.wanted()...)...)
	if err != nil {
		return nil, fmt.Errorf("resolve PostgreSQL's packages: %w", err)
	}
	var names []string
	for line := range strings.Lines(out) {
		f := strings.Fields(line) // Inst libc6 (2.41-12 Debian:testing [amd64])
		if len(f) < 2 || f[0] != "Inst" {
			continue
		}
		name, _, _ := strings.Cut(f[1], ":")
		if !unneeded.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// download fetches the packages, whose signatures apt checks, and returns the
// paths of the files.
func (a *apt) download(ctx context.Context, packages []string) ([]string, error) {
	if _, err := a.run(ctx, append([]string{"-qq", "download"}, packages...)...); err != nil {
		return nil, fmt.Errorf("download PostgreSQL's packages: %w", err)
	}
	debs, err := filepath.Glob(filepath.Join(a.work, "debs", "*.deb"))
	if err == nil && len(debs) < len(packages) {
		err = fmt.Errorf("download PostgreSQL's packages: %d of %d came", len(debs), len(packages))
	}
	return debs, err
}

func (a *apt) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", append(slices.Clone(a.options), args...)...)
	cmd.Dir = filepath.Join(a.work, "debs") // download writes to where it runs
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	return output(cmd)
}

// output runs cmd and returns what it prints. Its error ends with the last
// lines that the program wrote about it.
func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w%s", filepath.Base(cmd.Path), err, lastLines(errs.String(), 3))
	}
	return out.String(), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-n):]
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return ": " + strings.Join(lines, "; ")
}
