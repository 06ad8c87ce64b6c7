package pg

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/hivemesh/hivemesh/domain"
)

// MinVector is the oldest pgvector that serves: the first with halfvec.
const MinVector = "0.7"

const oldestMajor = 15

// Installation is a set of PostgreSQL programs with pgvector.
type Installation struct {
	Bin     string // the directory of postgres, initdb and pg_ctl
	Major   int
	Version string // such as "18.6"
}

// Search says where to look for an installation.
type Search struct {
	Cache    string       // bundles are kept here; see DefaultCache
	Suites   []string     // Debian suites to make a bundle from, in order
	Major    int          // accept this major version only; 0 = any from 15 on
	Progress func(string) // told of long work, one line each
}

// Locate returns an installation: an installed one, else a bundle, which it
// makes when there is none (seconds, and the network). The error when nothing
// serves says what to install.
func Locate(ctx context.Context, s Search) (Installation, error) {
	if in, ok := installed(ctx, s.Major); ok {
		return in, nil
	}
	in, err := bundled(ctx, s)
	if err == nil {
		return in, nil
	}
	if ctx.Err() != nil {
		return Installation{}, fmt.Errorf("provision PostgreSQL: %w", ctx.Err())
	}
	want := "a PostgreSQL with pgvector " + MinVector + " or newer"
	if s.Major != 0 {
		want = fmt.Sprintf("PostgreSQL %d with pgvector, which made the database in the data directory,", s.Major)
	}
	return Installation{}, &domain.Error{Kind: domain.Unavailable, Code: "no_postgres", Err: err, Message: fmt.Sprintf(
		"%s is not on this machine, and could not be provisioned:\n%v\nInstall one "+
			"(Debian 13: apt-get install postgresql-17 postgresql-17-pgvector; "+
			"Ubuntu: apt-get install postgresql-16 postgresql-16-pgvector; "+
			"macOS: brew install postgresql@17 pgvector) or give one by MESH_PG_URL=postgres://…", want, err)}
}

var (
	versionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)[^\s]*)`)
	vectorPattern  = regexp.MustCompile(`(?m)^default_version\s*=\s*'([^']+)'`)
)

// inspect asks the programs in bin for their version.
func inspect(ctx context.Context, bin string) (Installation, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return Installation{}, fmt.Errorf("ask %s for its version: %w", filepath.Join(bin, "postgres"), err)
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return Installation{}, fmt.Errorf("%s says %q: not a version", bin, strings.TrimSpace(string(out)))
	}
	major, err := strconv.Atoi(string(m[2]))
	if err != nil {
		return Installation{}, fmt.Errorf("%s says %q: not a version", bin, strings.TrimSpace(string(out)))
	}
	return Installation{Bin: bin, Major: major, Version: string(m[1])}, nil
}

// VectorServes reports whether a pgvector version, such as "0.8.7", is new
// enough.
func VectorServes(version string) bool { return atLeast(version, MinVector) }

// atLeast compares dotted versions; what is not a number counts as 0.
func atLeast(version, least string) bool {
	v, l := strings.Split(version, "."), strings.Split(least, ".")
	for i := range max(len(v), len(l)) {
		a, b := part(v, i), part(l, i)
		if a != b {
			return a > b
		}
	}
	return true
}

func part(version []string, i int) int {
	if i >= len(version) {
		return 0
	}
	n, err := strconv.Atoi(version[i])
	if err != nil {
		return 0
	}
	return n
}
