package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivemesh/hivemesh/internal/flock"
)

// stampFile names the programs of a complete bundle: it is written last.
const stampFile = "complete"

// bundle is one suite's packages under a prefix of their own. The prefix is
// written into the programs, so a bundle cannot be moved.
type bundle struct {
	suite    suite
	machine  machine
	prefix   string // <cache>/<suite>
	progress func(string)
}

func (b bundle) root() string { return filepath.Join(b.prefix, "root") }
func (b bundle) libs() string { return filepath.Join(b.root(), "usr/lib", b.machine.triplet) }
func (b bundle) pgdir() string {
	return filepath.Join(b.root(), "usr/lib/postgresql", b.suite.majorText())
}
func (b bundle) bin() string { return filepath.Join(b.pgdir(), "bin") }

// bundled returns the first complete bundle among the suites, else makes one.
func bundled(ctx context.Context, s Search) (Installation, error) {
	bundles, err := plan(ctx, s)
	if err != nil {
		return Installation{}, err
	}
	if in, ok := firstComplete(ctx, bundles); ok {
		return in, nil
	}
	if err := MakePublic(s.Cache); err != nil {
		return Installation{}, err
	}
	lock, err := flock.Wait(ctx, filepath.Join(s.Cache, "lock"))
	if err != nil {
		return Installation{}, err
	}
	defer func() { _ = lock.Release() }()
	if in, ok := firstComplete(ctx, bundles); ok {
		return in, nil // another process was faster
	}
	var errs []error
	for i, b := range bundles {
		if i > 0 {
			s.Progress("that failed: trying Debian " + b.suite.name)
		}
		err := b.build(ctx)
		if err == nil {
			return inspect(ctx, b.bin())
		}
		errs = append(errs, fmt.Errorf("suite %s: %w", b.suite.name, err))
		if ctx.Err() != nil {
			break
		}
	}
	return Installation{}, errors.Join(errs...)
}

// plan lists the bundles that may serve, without touching anything.
func plan(ctx context.Context, s Search) ([]bundle, error) {
	m, err := thisMachine(ctx)
	if err != nil {
		return nil, err
	}
	var bundles []bundle
	for _, name := range s.Suites {
		su, err := suiteByName(name)
		if err != nil {
			return nil, err
		}
		if s.Major == 0 || s.Major == su.major {
			bundles = append(bundles, bundle{suite: su, machine: m, prefix: filepath.Join(s.Cache, name), progress: s.Progress})
		}
	}
	if len(bundles) == 0 {
		return nil, fmt.Errorf("no suite of %v has PostgreSQL %d", s.Suites, s.Major)
	}
	return bundles, nil
}

func firstComplete(ctx context.Context, bundles []bundle) (Installation, bool) {
	for _, b := range bundles {
		stamp, err := os.ReadFile(filepath.Join(b.prefix, stampFile))
		if err != nil || strings.TrimSpace(string(stamp)) != b.bin() {
			continue
		}
		if in, err := inspect(ctx, b.bin()); err == nil {
			return in, true
		}
	}
	return Installation{}, false
}

// build downloads and unpacks the packages and points the programs at the
// libraries among them. What an earlier, broken attempt left is removed.
func (b bundle) build(ctx context.Context) error {
	if err := errors.Join(os.RemoveAll(b.prefix), MakePublic(b.prefix)); err != nil {
		return err
	}
	work := filepath.Join(b.prefix, "work")
	b.progress(fmt.Sprintf("PostgreSQL %d with pgvector: fetching Debian's packages (%s) into %s, once", b.suite.major, b.suite.name, b.prefix))
	a, err := newApt(ctx, b.machine, b.suite, work)
	if err != nil {
		return err
	}
	packages, err := a.closure(ctx)
	if err != nil {
		return err
	}
	b.progress(fmt.Sprintf("downloading %d packages", len(packages)))
	debs, err := a.download(ctx, packages)
	if err != nil {
		return err
	}
	b.progress("unpacking")
	if err := b.unpack(ctx, debs); err != nil {
		return err
	}
	if err := b.patch(ctx); err != nil {
		return err
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.prefix, stampFile), []byte(b.bin()+"\n"), 0o644)
}

// MakePublic makes dir and what is missing above it, for everybody to enter
// whatever the umask: the server may run as another user. It fails when a
// directory cannot be made.
func MakePublic(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := MakePublic(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make cache directory: %w", err)
	}
	return os.Chmod(dir, 0o755)
}
